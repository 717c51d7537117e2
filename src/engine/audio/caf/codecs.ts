import { alacTrack, gsmTrack, opusTrack, PLAIN_CODECS, type TrackCodec } from "../codec/track-codecs.ts";
import { parseEsds } from "../mp4/esds.ts";
import { damaged, unsupported } from "../refuse.ts";
import { tagOf, waveCodec } from "../wav/wave-codecs.ts";

/** The fields of a `desc` chunk. */
export interface CafFormat {
  readonly sampleRateHz: number;
  /** Four characters. */
  readonly codec: string;
  readonly flags: number;
  /** 0 = packets of different sizes. */
  readonly packetBytes: number;
  /** 0 = packets of different lengths. */
  readonly packetFrames: number;
  readonly channelCount: number;
  readonly bits: number;
}

/** Makes the codec of a file; MP3 needs the first packet to know itself. */
export function codecOf(format: CafFormat, cookie: Uint8Array | undefined): (firstPacket: Uint8Array) => TrackCodec {
  const { codec, channelCount } = format;
  switch (codec) {
    case "alac": {
      const config = alacConfig(cookie);
      return () => alacTrack(config);
    }
    case "aac ":
    case "aach":
    case "aacp":
    case "aacl":
    case "aace":
    case "aacf":
      if (!cookie) throw damaged("AAC", "the decoder configuration is missing");
      // The descriptor stands alone or, as in MP4, behind a version.
      return parseEsds(cookie[0] === 3 ? new Uint8Array([0, 0, 0, 0, ...cookie]) : cookie, format);
    case "opus":
      if (channelCount < 1 || channelCount > 2) {
        throw unsupported("CAF", `Opus with ${channelCount} channels is not supported`, "convert");
      }
      return () =>
        opusTrack({
          channelCount,
          preSkip: 0,
          streamCount: 1,
          coupledCount: channelCount - 1,
          mapping: channelCount === 1 ? [0] : [0, 1],
          gain: 1,
          isSurround: false,
        });
    case "agsm":
      return () => gsmTrack(format.sampleRateHz);
    default: {
      const plain = PLAIN_CODECS[codec];
      if (plain) return plain;
      const windows = windowsCodec(format);
      if (windows) return () => windows;
      const name = NAMES[codec] ?? `the codec ${codec.replace(/[^\w .-]/g, "?")}`;
      throw unsupported("CAF", `${name} is not supported`, "convert");
    }
  }
}

/** Codecs of blocks that are named by the format tag of a WAV file; undefined = another codec. */
export function windowsCodec({ codec, sampleRateHz, channelCount, packetBytes }: CafFormat): TrackCodec | undefined {
  if (!codec.startsWith("ms")) return undefined;
  return waveCodec({
    tag: tagOf(codec),
    channelCount,
    sampleRateHz,
    byteRate: 0,
    blockAlign: packetBytes,
    bits: 4,
    speakers: undefined,
    extra: new Uint8Array(0),
    isBigEndian: false,
  });
}

// ---

/** The cookie is bare, or in the boxes that QuickTime puts around it. */
function alacConfig(cookie: Uint8Array | undefined): Uint8Array {
  if (!cookie) throw damaged("ALAC", "the decoder configuration is missing");
  const isBoxed = Buffer.from(cookie.subarray(4, 8)).toString("latin1") === "frma";
  return isBoxed ? cookie.subarray(24) : cookie;
}

const NAMES: Readonly<Record<string, string>> = {
  apac: "APAC (Apple Positional Audio)",
  ilbc: "iLBC",
  flac: "FLAC in CAF",
  MAC3: "MACE 3:1",
  MAC6: "MACE 6:1",
  QDMC: "QDesign Music",
  QDM2: "QDesign Music",
  Qclp: "QCELP",
  ".mp1": "MPEG layer I",
};
