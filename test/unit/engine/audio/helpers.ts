import { decodeAudio } from "../../../../src/engine/audio/decode.ts";
import type { DecodeOptions } from "../../../../src/engine/audio/types.ts";
import { AudioError, wordAudioProblem, type AudioWarning } from "../../../../src/shared/audio-problem.ts";

export const FOUR_HOURS_MS: number = 4 * 3_600_000;

/** Yields `bytes` in pieces of the given sizes, cycling through them; without sizes in one piece. */
export async function* inPieces(bytes: Uint8Array, ...sizes: number[]): AsyncGenerator<Uint8Array> {
  if (sizes.length === 0) sizes = [Math.max(1, bytes.length)];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

export interface Decoded {
  readonly format: string;
  readonly sampleRateHz: number;
  readonly totalS: number | undefined;
  readonly channels: Float32Array[];
  readonly warnings: readonly AudioWarning[];
}

/** Decodes to the end and joins the blocks. */
export async function decodeAll(
  source: Uint8Array | AsyncIterable<Uint8Array>,
  options: Partial<DecodeOptions> = {},
): Promise<Decoded> {
  const audio = await decodeAudio(source instanceof Uint8Array ? inPieces(source) : source, {
    maxDurationMs: FOUR_HOURS_MS,
    signal: new AbortController().signal,
    ...options,
  });
  const blocks: Float32Array[][] = [];
  for await (const block of audio.blocks) blocks.push(block.channels);
  const channels = Array.from({ length: audio.channelCount }, (_, channel) =>
    join(blocks.map((block) => block[channel]!)),
  );
  return {
    format: audio.format,
    sampleRateHz: audio.sampleRateHz,
    totalS: audio.totalS,
    channels,
    warnings: audio.warnings,
  };
}

/** Code and message, as a client of the server gets them, of the error that decoding ends with. */
export async function refusal(
  source: Uint8Array | AsyncIterable<Uint8Array>,
  options: Partial<DecodeOptions> = {},
): Promise<string> {
  try {
    await decodeAll(source, options);
  } catch (error) {
    if (error instanceof AudioError) return `${error.code}: ${wordAudioProblem(error.problem, "http")}`;
    throw error;
  }
  return "no error";
}

export function join(parts: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export function concat(...parts: (Uint8Array | string)[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts.map((part) => (typeof part === "string" ? latin1(part) : part))));
}

export function latin1(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

export function u32(value: number): Uint8Array {
  return new Uint8Array([value, value >>> 8, value >>> 16, value >>> 24]);
}

export function u16(value: number): Uint8Array {
  return new Uint8Array([value, value >>> 8]);
}

/** A sine of `hz` with amplitude `gain`. */
export function tone(hz: number, sampleRateHz: number, count: number, gain = 0.5): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => gain * Math.sin((2 * Math.PI * hz * i) / sampleRateHz));
}

export function rms(samples: Float32Array): number {
  let sum = 0;
  for (const value of samples) sum += value * value;
  return Math.sqrt(sum / Math.max(1, samples.length));
}

/** Level of `samples` against `reference`, in dB. */
export function decibels(samples: Float32Array, reference: Float32Array): number {
  return 20 * Math.log10(rms(samples) / rms(reference));
}
