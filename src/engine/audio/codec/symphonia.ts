import { createModuleDecoder } from "./module.ts";
import type { PacketDecoder } from "./packet-decoder.ts";

export interface CodecOptions {
  readonly codec: keyof typeof NUMBERS;
  /** Samples per channel in a packet: needed by ADPCM. */
  readonly packetFrames?: number;
  readonly sampleRateHz?: number;
  readonly channelCount?: number;
  /** FLAC: STREAMINFO; Vorbis: identification and setup packet; ALAC: magic cookie. */
  readonly privateData?: Uint8Array;
}

/** Makes one of the decoders of Symphonia. */
export function createCodec({ codec, packetFrames = 0, ...options }: CodecOptions): Promise<PacketDecoder> {
  return createModuleDecoder({
    file: "audio-codecs/audio-codecs.wasm",
    name: codec,
    codecNumber: NUMBERS[codec],
    packetSize: packetFrames,
    ...options,
  });
}

// ---

/** What vendor/audio-codecs/src/lib.rs calls them. */
const NUMBERS = { mp3: 1, mp2: 2, flac: 4, vorbis: 5, alac: 6, "adpcm-ima-wav": 7, "adpcm-ms": 8 } as const;
