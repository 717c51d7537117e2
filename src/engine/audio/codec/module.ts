import { readFile } from "node:fs/promises";
import { installationRoot } from "../../../shared/process/entry.ts";
import { GigasttError } from "../../../shared/errors.ts";
import { damaged } from "../refuse.ts";
import type { DecodedPacket, PacketDecoder } from "./packet-decoder.ts";
import { PacketError } from "./packet-decoder.ts";

/** Files below `vendor/`; each is read when the first recording needs it. */
export type ModuleFile = "audio-codecs/audio-codecs.wasm" | "ffmpeg-audio/ffmpeg-audio.wasm";

export interface ModuleOptions {
  readonly file: ModuleFile;
  /** For messages. */
  readonly name: string;
  /** What the module calls the codec. */
  readonly codecNumber: number;
  readonly sampleRateHz?: number;
  readonly channelCount?: number;
  /** Samples per channel in a packet (Symphonia), or bytes of a packet (FFmpeg). */
  readonly packetSize?: number;
  readonly privateData?: Uint8Array;
  readonly bitRate?: number;
  readonly sampleBits?: number;
}

/**
 * A decoder of its own WebAssembly instance, thrown away with the recording: what a hostile stream does to its memory
 * ends there. After a trap every call is refused.
 */
export async function createModuleDecoder(options: ModuleOptions): Promise<PacketDecoder> {
  const instance = await WebAssembly.instantiate(await compiled(options.file));
  const codec = instance.exports as unknown as CodecExports; // vendor/audio-codecs/src/lib.rs, vendor/ffmpeg-audio/ffmpeg-audio.c
  let isLost = false;

  /** Runs a call into the module; a trap makes this decoder unusable. */
  function guarded<T>(run: () => T): T {
    if (isLost) throw damaged(options.name, "the decoder gave up on this audio earlier");
    try {
      return run();
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      isLost = true;
      throw damaged(options.name, "the audio cannot be decoded", error);
    }
  }

  function put(bytes: Uint8Array): void {
    const at = codec.reserve(bytes.length);
    new Uint8Array(codec.memory.buffer, at, bytes.length).set(bytes);
  }

  function failure(): string {
    return Buffer.from(codec.memory.buffer, codec.message(), codec.message_length()).toString();
  }

  function run(packet: Uint8Array): DecodedPacket {
    put(packet);
    const frames = codec.decode(packet.length);
    if (frames < 0) throw new PacketError(failure());
    const at = codec.output();
    const channels = Array.from({ length: codec.channels() }, (_, channel) =>
      new Float32Array(codec.memory.buffer, at + channel * frames * 4, frames).slice(),
    );
    const speakers = codec.speakers?.() ?? 0;
    return { sampleRateHz: codec.sample_rate(), channels, ...(channels.length > 2 && speakers !== 0 && { speakers }) };
  }

  guarded(() => {
    codec._initialize?.();
    const { privateData = new Uint8Array(0), sampleRateHz = 0, channelCount = 0, packetSize = 0 } = options;
    put(privateData);
    const { bitRate = 0, sampleBits = 0, codecNumber } = options;
    const size = privateData.length;
    if (codec.open(codecNumber, sampleRateHz, channelCount, packetSize, size, bitRate, sampleBits) !== 0) {
      throw damaged(options.name, "the stream cannot be decoded", new Error(failure()));
    }
  });

  return {
    decode: (packet) => guarded(() => run(packet)),
    // FFmpeg gives what it has kept back when it gets a packet without bytes.
    ...(options.file === "ffmpeg-audio/ffmpeg-audio.wasm" && { finish: () => guarded(() => run(new Uint8Array(0))) }),
  };
}

// ---

interface CodecExports {
  readonly memory: WebAssembly.Memory;
  _initialize?(): void;
  reserve(length: number): number;
  /** The last two are FFmpeg's alone. */
  open(
    codec: number,
    sampleRateHz: number,
    channelCount: number,
    packetSize: number,
    privateLength: number,
    bitRate: number,
    sampleBits: number,
  ): number;
  decode(length: number): number;
  output(): number;
  channels(): number;
  sample_rate(): number;
  speakers?(): number;
  message(): number;
  message_length(): number;
}

const compiling = new Map<ModuleFile, Promise<WebAssembly.Module>>();

/** Compiled once per thread. */
function compiled(file: ModuleFile): Promise<WebAssembly.Module> {
  const known = compiling.get(file) ?? compile(file);
  compiling.set(file, known);
  return known;
}

async function compile(name: ModuleFile): Promise<WebAssembly.Module> {
  const file = `vendor/${name}`;
  try {
    return await WebAssembly.compile(await readFile(new URL(file, installationRoot())));
  } catch (error) {
    throw new GigasttError("GST_INSTALLATION", `the audio decoders (${file}) cannot be loaded: install gigastt again`, {
      cause: error,
    });
  }
}
