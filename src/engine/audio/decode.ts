import type { ByteReader } from "./input/byte-reader.ts";
import { createByteReader } from "./input/byte-reader.ts";
import { checkShape, damaged } from "./refuse.ts";
import { AudioError, audioTooLong, type AudioWarning } from "../../shared/audio-problem.ts";
import { openDetected, refuseContainerAsHeaderless } from "./detect.ts";
import type { AudioBlock, DecodedAudio, DecodeOptions, OpenContext, OpenedAudio } from "./types.ts";
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
  const notes = createWarnings(options.strict === true);
  const context: OpenContext = { maxDurationMs, track: options.track, warn: notes.warn };
  const input = createByteReader(bytes, signal);
  try {
    if ((await input.peek(1)).length === 0) throw new AudioError({ reason: "empty" });
    const opened = await open(input, options, context);
    const { format, sampleRateHz, channelCount, totalFrames } = opened;
    checkShape(format, sampleRateHz, channelCount);
    const limitMs = longestMs(maxDurationMs, sampleRateHz * channelCount);
    if (totalFrames !== undefined && (totalFrames * 1000) / sampleRateHz > limitMs) throw audioTooLong(limitMs);
    const blocks = guardBlocks({ input, opened, context, signal });
    const first = await blocks.next();
    if (first.done) throw damaged(format, "the file has no samples");
    return {
      format,
      sampleRateHz: first.value.sampleRateHz,
      channelCount: first.value.channels.length,
      warnings: notes.warnings,
      warn: notes.warn,
      totalS: totalFrames === undefined ? undefined : totalFrames / sampleRateHz,
      blocks: startingWith(first.value, blocks),
    };
  } catch (error) {
    input.close();
    throw error;
  }
}

// ---

/** Most warnings that an answer carries. */
const MAX_WARNINGS = 16;

function createWarnings(isStrict: boolean): { warnings: AudioWarning[]; warn: OpenContext["warn"] } {
  const warnings: AudioWarning[] = [];
  return {
    warnings,
    warn(code, message) {
      if (isStrict && (code === "truncated" || code === "damaged")) {
        throw new AudioError({ reason: code, detail: message });
      }
      const isKnown = warnings.some((known) => known.code === code && known.message === message);
      if (!isKnown && warnings.length < MAX_WARNINGS) warnings.push({ code, message });
    },
  };
}

async function open(input: ByteReader, { headerless }: DecodeOptions, context: OpenContext): Promise<OpenedAudio> {
  if (!headerless) return await openDetected(input, context);
  await refuseContainerAsHeaderless(input, headerless.codec);
  return openHeaderless(input, headerless.codec, headerless.sampleRateHz);
}

/**
 * Decoding costs by the sample: a recording may have as many as one of the longest duration with 8 channels at 48 kHz. A megabyte of FLAC can
 * hold five times that.
 */
const MOST_SAMPLES_PER_S = 8 * 48_000;

/** Longest duration of audio with so many samples a second, all channels together; whole seconds when the samples are what limits it. */
function longestMs(maxDurationMs: number, samplesPerS: number): number {
  if (samplesPerS <= MOST_SAMPLES_PER_S) return maxDurationMs;
  return Math.ceil((maxDurationMs * MOST_SAMPLES_PER_S) / samplesPerS / 1000) * 1000;
}

interface GuardOptions {
  readonly input: ByteReader;
  readonly opened: OpenedAudio;
  readonly context: OpenContext;
  readonly signal: AbortSignal;
}

/** Longest stretch of decoding without letting the thread's messages (an abort among them) through. */
const YIELD_EVERY_MS = 20;

async function* guardBlocks({
  input,
  opened,
  context,
  signal,
}: GuardOptions): AsyncGenerator<AudioBlock, void, undefined> {
  let lengthMs = 0;
  let samples = 0;
  let yieldedAt = performance.now();
  try {
    for await (const block of opened.blocks) {
      const frames = block.channels[0]?.length ?? 0;
      if (frames === 0) continue;
      lengthMs += (frames * 1000) / block.sampleRateHz;
      samples += frames * block.channels.length;
      const limitMs = longestMs(context.maxDurationMs, (samples * 1000) / lengthMs);
      // A thousandth of a sample of rounding is not a longer recording.
      if (lengthMs > limitMs + 1e-3) throw audioTooLong(limitMs);
      checkShape(opened.format, block.sampleRateHz, block.channels.length);
      for (const channel of block.channels) clean(channel);
      yield block;
      if (performance.now() - yieldedAt > YIELD_EVERY_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        yieldedAt = performance.now();
      }
      signal.throwIfAborted();
    }
    await input.skip(Number.POSITIVE_INFINITY);
  } catch (error) {
    // What came before the end is a transcript worth having.
    const isCut = error instanceof AudioError && error.problem.reason === "truncated";
    if (!isCut || lengthMs === 0) throw error;
    context.warn("truncated", error.message);
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
function startingWith(first: AudioBlock, rest: AsyncGenerator<AudioBlock>): AsyncIterable<AudioBlock> {
  let waiting: AudioBlock | undefined = first;
  const iterator: AsyncIterator<AudioBlock> = {
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
