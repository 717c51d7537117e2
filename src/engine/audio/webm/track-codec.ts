import { parseAudioSpecificConfig, plainConfig } from "../aac/aac.ts";
import { parseOpusHead } from "../codec/opus.ts";
import type { SampleEncoding } from "../codec/pcm.ts";
import { splitVorbisHeaders } from "../codec/vorbis.ts";
import type { TrackCodec } from "../codec/track-codecs.ts";
import {
  aacTrack,
  ac3Track,
  alacTrack,
  dtsTrack,
  flacTrack,
  mpegTrack,
  opusTrack,
  pcmTrack,
  vorbisTrack,
} from "../codec/track-codecs.ts";
import { damaged, unsupported } from "../refuse.ts";
import { parseFields } from "../wav/header.ts";
import { findShape } from "../wav/shape.ts";
import { wavePacketCodec } from "../wav/wave-codecs.ts";
import type { Track } from "./track.ts";

const PCM_LITTLE: Readonly<Record<number, SampleEncoding>> = { 8: "u8", 16: "s16le", 24: "s24le", 32: "s32le" };
const PCM_BIG: Readonly<Record<number, SampleEncoding>> = { 8: "s8", 16: "s16be", 24: "s24be", 32: "s32be" };

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Returns the codec of a track; some say their parameters only in the first packet. */
export function codecOf(track: Track, firstPacket: Uint8Array): TrackCodec {
  const { codecId, privateData, sampleRateHz, channelCount, bitDepth } = track;
  switch (codecId) {
    case "A_OPUS":
      return opusTrack(parseOpusHead(privateData));
    case "A_VORBIS": {
      const [identification, , setup] = splitVorbisHeaders(privateData);
      return vorbisTrack(identification, setup);
    }
    case "A_FLAC":
      if (privateData.length < 42) throw damaged("FLAC", "the STREAMINFO block is cut short");
      return flacTrack(privateData.subarray(8, 42));
    case "A_ALAC":
      return alacTrack(privateData);
    case "A_MPEG/L3":
    case "A_MPEG/L2":
      return mpegTrack(firstPacket);
    case "A_PCM/INT/LIT":
    case "A_PCM/INT/BIG": {
      const kinds = codecId.endsWith("LIT") ? PCM_LITTLE : PCM_BIG;
      const encoding = kinds[bitDepth];
      if (!encoding) throw unsupported("PCM", `${bitDepth} bits are not supported`);
      return pcmTrack(encoding, sampleRateHz, channelCount);
    }
    case "A_AC3":
    case "A_EAC3":
      return ac3Track(firstPacket);
    case "A_DTS":
      return dtsTrack(sampleRateHz, channelCount);
    case "A_MS/ACM": {
      const fields = parseFields(viewOf(privateData), false);
      const coded = wavePacketCodec(fields, firstPacket);
      if (coded) return coded;
      const shape = findShape(fields, new Uint8Array(0));
      if (!shape) throw unsupported("WebM/Matroska", "the codec of this WAV track is not supported", "convert");
      return pcmTrack(shape.encoding, shape.sampleRateHz, shape.channelCount);
    }
    case "A_PCM/FLOAT/IEEE":
      return pcmTrack(bitDepth === 64 ? "f64le" : "f32le", sampleRateHz, channelCount);
  }
  if (codecId === "A_AAC" || codecId.startsWith("A_AAC/")) {
    const config = privateData.length > 0 ? privateData : plainConfig(sampleRateHz, channelCount);
    if (config) return aacTrack(parseAudioSpecificConfig(config));
  }
  throw damaged("AAC", "the decoder configuration is missing");
}

/** Returns how many frames the encoder put before the recording. */
export function skipOf(track: Track, codec: TrackCodec): number {
  // Muxers have written the encoder's number at another rate here: the codec's own header is right.
  if (codec.name === "opus" || track.delayNs === 0) return codec.skipFrames;
  return Math.round((track.delayNs * codec.sampleRateHz) / 1e9);
}
