import { createModuleDecoder } from "./module.ts";
import type { PacketDecoder } from "./packet-decoder.ts";

/** What the module decodes, and what vendor/ffmpeg-audio/ffmpeg-audio.c calls it. */
const NUMBERS = {
  AAC: 1,
  "AAC-LATM": 2,
  "AC-3": 3,
  "E-AC-3": 4,
  DTS: 5,
  "AMR-NB": 6,
  "AMR-WB": 7,
  GSM: 8,
  "GSM-WAV": 9,
  WMA1: 10,
  WMA2: 11,
  "WMA Pro": 12,
  "WMA Voice": 13,
  "WMA Lossless": 14,
  "G.722": 15,
  "G.726": 16,
  "G.723.1": 17,
  "G.729": 18,
  TrueSpeech: 19,
  QCELP: 20,
  EVRC: 21,
  Speex: 22,
} as const;

export type FfmpegCodec = keyof typeof NUMBERS;

export interface FfmpegOptions {
  readonly codec: FfmpegCodec;
  readonly sampleRateHz?: number;
  readonly channelCount?: number;
  readonly privateData?: Uint8Array;
  /** Bytes of a block, where blocks have one size. */
  readonly blockBytes?: number;
  /** Bits per second, as the container says it: needed by WMA 1 and 2. */
  readonly bitRate?: number;
  /** Bits of a coded sample: needed by G.726. */
  readonly sampleBits?: number;
}

/** Makes one of the decoders of FFmpeg. The module is read when the first recording needs it. */
export function createFfmpegCodec({ codec, blockBytes = 0, ...options }: FfmpegOptions): Promise<PacketDecoder> {
  return createModuleDecoder({
    file: "ffmpeg-audio/ffmpeg-audio.wasm",
    name: codec,
    codecNumber: NUMBERS[codec],
    packetSize: blockBytes,
    ...options,
  });
}
