import { parseAudioSpecificConfig } from "../aac/aac.ts";
import type { FfmpegCodec } from "../codec/ffmpeg.ts";
import { createCodec } from "../codec/symphonia.ts";
import { aacTrack, ac3Track, dtsTrack, ffmpegTrack, mpegTrack, type TrackCodec } from "../codec/track-codecs.ts";
import { damaged, unsupported } from "../refuse.ts";
import { TAG_AC3, TAG_MP3, TAG_MPEG, type WavFields } from "./shape.ts";

/** A codec of blocks that a WAVEFORMATEX header describes. */
export interface WaveCodec extends TrackCodec {
  /** Bytes that can be decoded on their own. */
  readonly blockBytes: number;
  /** A last block that is cut may be filled up: what is missing of it is not sound. */
  readonly isFillable: boolean;
}

/** The codec of WAV, ASF, Matroska and QuickTime tracks with a Windows format tag; undefined for samples and unknown tags. */
export function waveCodec(fields: WavFields): WaveCodec | undefined {
  const { tag, sampleRateHz, channelCount, blockAlign } = fields;
  if (tag === TAG_MS_ADPCM || tag === TAG_IMA_ADPCM) return adpcm(tag, fields);
  const kind = KINDS[tag];
  if (!kind) {
    const name = NAMES[tag];
    if (name === undefined) return undefined;
    throw unsupported("WAV", `${name} is not supported`, "convert");
  }
  const blockBytes = kind.blockBytes?.(fields) ?? blockAlign;
  if (blockBytes < 1 || blockBytes > MAX_BLOCK_BYTES) {
    throw damaged("WAV", `a block of ${blockAlign} bytes is not possible`);
  }
  const { codec, framesOf = () => 0 } = kind;
  const track = ffmpegTrack({
    codec,
    sampleRateHz,
    channelCount,
    blockBytes,
    bitRate: fields.byteRate * 8,
    sampleBits: fields.bits,
    privateData: fields.extra,
    framesOf: (packet) => framesOf(packet.length, fields),
  });
  return { ...track, blockBytes, isFillable: false };
}

/**
 * The codec of packets that a container keeps apart (ASF, Matroska), by the WAV header it gives them; undefined for samples and unknown
 * tags.
 */
export function wavePacketCodec(fields: WavFields, firstPacket: Uint8Array): TrackCodec | undefined {
  const { tag, sampleRateHz, channelCount, extra } = fields;
  if (tag === TAG_MPEG || tag === TAG_MP3) return mpegTrack(firstPacket);
  if (tag === TAG_AC3) return ac3Track(firstPacket);
  if (tag === TAG_DTS) return dtsTrack(sampleRateHz, channelCount);
  if (tag === TAG_AAC && extra.length >= 2) return aacTrack(parseAudioSpecificConfig(extra));
  return waveCodec(fields);
}

/** The format tag in the four characters `ms..` of QuickTime and CAF. */
export function tagOf(codec: string): number {
  return (codec.charCodeAt(2) << 8) | codec.charCodeAt(3);
}

// ---

const TAG_DTS = 0x2001;
const TAG_AAC = 0xff;
const TAG_MS_ADPCM = 2;
const TAG_IMA_ADPCM = 0x11;
const MAX_BLOCK_BYTES = 65_536;
const MAX_BLOCK_FRAMES = 65_536;

interface Kind {
  readonly codec: FfmpegCodec;
  /** Samples per channel of so many bytes; absent = only the decoder knows. */
  readonly framesOf?: (bytes: number, fields: WavFields) => number;
  /** Where the block alignment of the header is not a unit of decoding. */
  readonly blockBytes?: (fields: WavFields) => number;
}

const G726: Kind = {
  codec: "G.726",
  framesOf: (bytes, { bits }) => Math.floor((bytes * 8) / (bits || 4)),
  // Of 2 to 5 bits a sample: whole bytes and whole samples.
  blockBytes: () => 60 * 8,
};
const KINDS: Readonly<Record<number, Kind>> = {
  0x0a: { codec: "WMA Voice" },
  0x22: { codec: "TrueSpeech", framesOf: (bytes) => Math.floor(bytes / 32) * 240, blockBytes: () => 32 },
  0x31: { codec: "GSM-WAV", framesOf: (bytes) => Math.floor(bytes / 65) * 320, blockBytes: () => 65 },
  0x42: { codec: "G.723.1", framesOf: () => 240, blockBytes: ({ blockAlign }) => blockAlign || 24 },
  0x45: G726,
  0x64: G726,
  0x65: { codec: "G.722", framesOf: (bytes) => bytes * 2, blockBytes: () => 480 },
  0x28f: { codec: "G.722", framesOf: (bytes) => bytes * 2, blockBytes: () => 480 },
  0x83: { codec: "G.729", framesOf: () => 80, blockBytes: () => 10 },
  0x160: { codec: "WMA1" },
  0x161: { codec: "WMA2" },
  0x162: { codec: "WMA Pro" },
  0x163: { codec: "WMA Lossless" },
};

/** Codecs that people meet and that cannot be decoded here. */
const NAMES: Readonly<Record<number, string>> = {
  0x10: "OKI ADPCM (Dialogic)",
  0x17: "OKI ADPCM (Dialogic)",
  0x20: "Yamaha ADPCM",
  0x40: "G.721 ADPCM",
  0x57: "AMR-NB in WAV",
  0x58: "AMR-WB in WAV",
  0x69: "IMA ADPCM of the Xbox",
  0x70: "Lernout & Hauspie audio",
  0x75: "VoxWare audio",
  0x111: "VivoActive audio",
  0x130: "ACELP.net (Sipro Lab)",
  0x200: "Creative ADPCM",
  0x270: "ATRAC3",
  0x401: "Intel Music Coder",
  0x566f: "Vorbis in WAV",
  0x2001: "DTS",
  0x2048: "Sonic audio",
  0x5756: "WavPack in WAV",
  0x6771: "Vorbis in WAV",
  0xa109: "Speex in WAV",
  0x674f: "Vorbis in WAV",
  0xa106: "AAC without frame headers",
  0xf1ac: "FLAC in WAV",
};

function adpcm(tag: number, { sampleRateHz, channelCount, blockAlign }: WavFields): WaveCodec {
  if (channelCount < 1 || channelCount > 2) {
    throw unsupported("WAV", `ADPCM with ${channelCount} channels is not supported`, "convert");
  }
  const codec = tag === TAG_MS_ADPCM ? "adpcm-ms" : "adpcm-ima-wav";
  const framesIn =
    tag === TAG_MS_ADPCM
      ? (bytes: number): number => Math.floor(((bytes - 7 * channelCount) * 2) / channelCount) + 2
      : (bytes: number): number => Math.floor((bytes - 4 * channelCount) / (4 * channelCount)) * 8 + 1;
  const packetFrames = framesIn(blockAlign);
  if (packetFrames < 2 || packetFrames > MAX_BLOCK_FRAMES) {
    throw damaged("WAV", `an ADPCM block of ${blockAlign} bytes is not possible`);
  }
  return {
    name: codec,
    sampleRateHz,
    channelCount,
    skipFrames: 0,
    blockBytes: blockAlign,
    isFillable: true,
    createDecoder: () => createCodec({ codec, sampleRateHz, channelCount, packetFrames }),
    createCounter: () => (packet) => Math.max(0, framesIn(packet.length)),
  };
}
