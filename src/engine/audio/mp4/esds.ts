import { parseAudioSpecificConfig } from "../aac/aac.ts";
import { aacTrack, ac3Track, dtsTrack, mpegTrack, vorbisTrack, type TrackCodec } from "../codec/track-codecs.ts";
import { splitVorbisHeaders } from "../codec/vorbis.ts";
import { damaged, unsupported } from "../refuse.ts";
import { readFields } from "./boxes.ts";

/** The MPEG-4 elementary stream descriptor names the codec and holds its configuration; some codecs need rate and channels of the track. */
export function parseEsds(
  esds: Uint8Array | undefined,
  { sampleRateHz, channelCount }: { readonly sampleRateHz: number; readonly channelCount: number },
): (firstPacket: Uint8Array) => TrackCodec {
  if (!esds) throw damaged("AAC", "the decoder configuration is missing");
  const fields = readFields(esds, "esds");
  fields.skip(4);
  let objectType = 0;
  while (fields.left > 0) {
    const tag = fields.u8();
    let length = 0;
    for (let i = 0; i < 4; i++) {
      const byte = fields.u8();
      length = (length << 7) | (byte & 127);
      if (byte < 128) break;
    }
    if (tag === 3) {
      fields.skip(2);
      const flags = fields.u8();
      if (flags & 0x80) fields.skip(2);
      if (flags & 0x40) fields.skip(fields.u8());
      if (flags & 0x20) fields.skip(2);
    } else if (tag === 4) {
      objectType = fields.u8();
      fields.skip(12);
      if (objectType === 0x69 || objectType === 0x6b) return mpegTrack;
      if (objectType === 0xa9) return () => dtsTrack(sampleRateHz, channelCount);
      if (objectType === VORBIS) continue;
      if (objectType === 0xa5 || objectType === 0xa6) return ac3Track;
      const other = OBJECT_TYPES[objectType];
      if (other !== undefined) throw unsupported("MP4", `${other} is not supported`, "convert");
    } else if (tag === 5 && objectType === VORBIS) {
      const [identification, , setup] = splitVorbisHeaders(fields.rest().subarray(0, length));
      return () => vorbisTrack(identification, setup);
    } else if (tag === 5 && (objectType === 0x40 || (objectType >= 0x66 && objectType <= 0x68))) {
      const config = parseAudioSpecificConfig(fields.rest().subarray(0, length));
      return () => aacTrack(config);
    } else {
      fields.skip(length);
    }
  }
  throw damaged("AAC", "the decoder configuration is missing");
}

// ---

/** FFmpeg's and VLC's own number. */
const VORBIS = 0xdd;

/** Object types of codecs that cannot be decoded here. */
const OBJECT_TYPES: Readonly<Record<number, string>> = {
  0xa0: "EVRC",
  0xaa: "DTS-HD",
  0xab: "DTS-HD",
  0xac: "DTS-HD",
  0xad: "Opus in an elementary stream descriptor",
  0xe1: "QCELP",
};
