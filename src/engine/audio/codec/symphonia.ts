import { readFile } from "node:fs/promises";
import { installationRoot } from "../../../shared/process/entry.ts";
import { GigasttError } from "../../../shared/errors.ts";
import type { DecodedPacket, PacketDecoder } from "./packet-decoder.ts";
import { PacketError } from "./packet-decoder.ts";
import { damaged } from "../refuse.ts";

/** What the module decodes. */
export type CodecName = "mp2" | "mp3" | "aac" | "flac" | "vorbis" | "alac" | "adpcm-ima-wav" | "adpcm-ms";

export interface CodecOptions {
  readonly codec: CodecName;
  /** Samples per channel in a packet: needed by ADPCM. */
  readonly packetFrames?: number;
  /** Needed by AAC without `privateData`. */
  readonly sampleRateHz?: number;
  readonly channelCount?: number;
  /** FLAC: STREAMINFO; Vorbis: identification and setup packet; ALAC: magic cookie. */
  readonly privateData?: Uint8Array;
}

interface Codec extends PacketDecoder {
  /** True once a packet of AAC had data of a high band, which is not decoded. */
  isCoreOnly(): boolean;
}

/**
 * A decoder of its own WebAssembly instance, thrown away with the recording: what a hostile stream does to its memory
 * ends there. After a trap every call is refused.
 */
export async function createCodec(options: CodecOptions): Promise<Codec> {
  const instance = await WebAssembly.instantiate(await compiled());
  const codec = instance.exports as unknown as CodecExports; // the source is vendor/audio-codecs/src/lib.rs
  let isLost = false;

  /** Runs a call into the module; a trap makes this decoder unusable. */
  function guarded<T>(run: () => T): T {
    if (isLost) throw damaged(options.codec, "the decoder gave up on this audio earlier");
    try {
      return run();
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      isLost = true;
      throw damaged(options.codec, "the audio cannot be decoded", error);
    }
  }

  function put(bytes: Uint8Array): void {
    const at = codec.reserve(bytes.length);
    new Uint8Array(codec.memory.buffer, at, bytes.length).set(bytes);
  }

  function failure(): string {
    return Buffer.from(codec.memory.buffer, codec.message(), codec.message_length()).toString();
  }

  guarded(() => {
    const { privateData = new Uint8Array(0), sampleRateHz = 0, channelCount = 0, packetFrames = 0 } = options;
    put(privateData);
    const status = codec.open(
      CODEC_NUMBER[options.codec],
      sampleRateHz,
      channelCount,
      packetFrames,
      privateData.length,
    );
    if (status !== 0) {
      throw damaged(options.codec, "the stream cannot be decoded", new Error(failure()));
    }
  });

  return {
    isCoreOnly: () => !isLost && codec.is_core_only() === 1,
    decode: (packet) =>
      guarded((): DecodedPacket => {
        put(packet);
        const frames = codec.decode(packet.length);
        if (frames < 0) throw new PacketError(failure());
        const at = codec.output();
        const channels = Array.from({ length: codec.channels() }, (_, channel) =>
          new Float32Array(codec.memory.buffer, at + channel * frames * 4, frames).slice(),
        );
        return { sampleRateHz: codec.sample_rate(), channels };
      }),
  };
}

// ---

const CODEC_NUMBER: Readonly<Record<CodecName, number>> = {
  mp3: 1,
  mp2: 2,
  aac: 3,
  flac: 4,
  vorbis: 5,
  alac: 6,
  "adpcm-ima-wav": 7,
  "adpcm-ms": 8,
};

interface CodecExports {
  readonly memory: WebAssembly.Memory;
  reserve(length: number): number;
  open(codec: number, sampleRateHz: number, channelCount: number, packetFrames: number, privateLength: number): number;
  decode(length: number): number;
  output(): number;
  channels(): number;
  sample_rate(): number;
  is_core_only(): number;
  message(): number;
  message_length(): number;
}

let compiling: Promise<WebAssembly.Module> | undefined;

/** Compiled once per thread. */
function compiled(): Promise<WebAssembly.Module> {
  compiling ??= compile();
  return compiling;
}

async function compile(): Promise<WebAssembly.Module> {
  const file = "vendor/audio-codecs/audio-codecs.wasm";
  try {
    return await WebAssembly.compile(await readFile(new URL(file, installationRoot())));
  } catch (error) {
    throw new GigasttError("GST_INSTALLATION", `the audio decoders (${file}) cannot be loaded: install gigastt again`, {
      cause: error,
    });
  }
}
