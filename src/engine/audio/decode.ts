import type { ByteReader } from "./input/byte-reader.ts";
import { createByteReader } from "./input/byte-reader.ts";
import { checkShape, damaged } from "./refuse.ts";
import { AudioError, audioTooLong } from "../../shared/audio-problem.ts";
import { openDetected, refuseContainerAsHeaderless } from "./detect.ts";
import type { DecodedAudio, DecodeOptions, OpenedAudio } from "./types.ts";
import { openHeaderless } from "./wav/wav.ts";

/**
 * Container bytes in any split → blocks of samples. The kind of audio is recognised from the content alone.
 *
 * Memory stays bounded whatever the input: blocks are decoded as they are read. The first block is decoded before this
 * resolves, so that a body without a single sample rejects here; later damage throws from `blocks`. A body is read to
 * its end also when the samples ended before it, so that a failing upload is noticed.
 *
 * Rejects with an AudioError, with the reason of the signal, or with whatever the source threw.
 */
export async function decodeAudio(bytes: AsyncIterable<Uint8Array>, options: DecodeOptions): Promise<DecodedAudio> {
  const { maxDurationMs, signal } = options;
  const input = createByteReader(bytes, signal);
  try {
    if ((await input.peek(1)).length === 0) throw new AudioError({ reason: "empty" });
    const opened = await open(input, options);
    const { format, sampleRateHz, channelCount, totalFrames } = opened;
    checkShape(format, sampleRateHz, channelCount);
    const maxFrames = Math.floor((maxDurationMs * sampleRateHz) / 1000);
    if (totalFrames !== undefined && totalFrames > maxFrames) throw audioTooLong(maxDurationMs);

    const blocks = guardBlocks({ input, opened, maxFrames, options });
    const first = await blocks.next();
    if (first.done) throw damaged(format, "the file has no samples");
    return {
      format,
      sampleRateHz,
      channelCount,
      totalS: totalFrames === undefined ? undefined : totalFrames / sampleRateHz,
      blocks: startingWith(first.value, blocks),
    };
  } catch (error) {
    input.close();
    throw error;
  }
}

// ---

async function open(input: ByteReader, { headerless, maxDurationMs }: DecodeOptions): Promise<OpenedAudio> {
  if (!headerless) return await openDetected(input, maxDurationMs);
  await refuseContainerAsHeaderless(input, headerless.codec);
  return openHeaderless(input, headerless.codec, headerless.sampleRateHz);
}

interface GuardOptions {
  readonly input: ByteReader;
  readonly opened: OpenedAudio;
  readonly maxFrames: number;
  readonly options: DecodeOptions;
}

/** Longest stretch of decoding without letting the thread's messages (an abort among them) through. */
const YIELD_EVERY_MS = 20;

async function* guardBlocks(guard: GuardOptions): AsyncGenerator<Float32Array[], void, undefined> {
  const { input, opened, maxFrames, options } = guard;
  const { signal, maxDurationMs } = options;
  let frames = 0;
  let yieldedAt = performance.now();
  try {
    for await (const block of opened.blocks) {
      const length = block[0]?.length ?? 0;
      if (length === 0) continue;
      frames += length;
      if (frames > maxFrames) throw audioTooLong(maxDurationMs);
      for (const samples of block) clean(samples);
      yield block;
      if (performance.now() - yieldedAt > YIELD_EVERY_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        yieldedAt = performance.now();
      }
      signal.throwIfAborted();
    }
    await input.skip(Number.POSITIVE_INFINITY);
  } finally {
    input.close();
  }
}

/** NaN becomes silence and everything else is clipped to [-1, 1], as any 16-bit converter would. */
function clean(samples: Float32Array): void {
  for (let i = 0; i < samples.length; i++) {
    const value = samples[i]!;
    if (value >= -1 && value <= 1) continue;
    samples[i] = value > 1 ? 1 : value < -1 ? -1 : 0;
  }
}

/** Not a generator: `return()` on a generator that was never started would not reach `rest`'s cleanup. */
function startingWith(first: Float32Array[], rest: AsyncGenerator<Float32Array[]>): AsyncIterable<Float32Array[]> {
  let waiting: Float32Array[] | undefined = first;
  const iterator: AsyncIterator<Float32Array[]> = {
    async next() {
      if (!waiting) return await rest.next();
      const value = waiting;
      waiting = undefined;
      return { done: false, value };
    },
    return: () => {
      waiting = undefined;
      return rest.return(undefined);
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
