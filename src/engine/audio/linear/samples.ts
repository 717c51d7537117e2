import { deinterleave, SAMPLE_BYTES, type SampleEncoding } from "../codec/pcm.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import type { AudioBlock, OpenContext } from "../types.ts";
import { type SampleRange, warnOfMissing, whatFollows } from "./range.ts";

/** How samples that stand one behind the other are read. */
export interface LinearShape {
  readonly encoding: SampleEncoding;
  readonly channelCount: number;
  readonly sampleRateHz: number;
  /** WAVE mask of the speakers; undefined = not named. */
  readonly speakers?: number | undefined;
}

export interface SampleSource {
  readonly input: ByteReader;
  readonly shape: LinearShape;
  /** Absent = samples until the end of the body. */
  readonly range?: SampleRange;
  readonly context?: OpenContext;
}

/** Reads the samples to where they really end. */
export async function* readSamples({
  input,
  shape,
  range,
  context,
}: SampleSource): AsyncGenerator<AudioBlock, void, undefined> {
  const frameBytes = SAMPLE_BYTES[shape.encoding] * shape.channelCount;
  let declared = range?.dataBytes;
  for (;;) {
    const wanted = declared ?? Number.POSITIVE_INFINITY;
    const whole = wanted - (Number.isFinite(wanted) ? wanted % frameBytes : 0);
    const got = yield* readFrames(input, shape, whole);
    if (!range || declared === undefined) return;
    if (got < whole) {
      warnOfMissing(range, input.position, { got, declared }, context);
      return;
    }
    const { layout } = range;
    const next = await whatFollows(input, { rest: wanted % frameBytes, dataBytes: wanted, frameBytes, layout });
    if (next.is === "end") return;
    // More samples than the header says, behind a further data chunk or without any header.
    declared = next.is === "data chunk" ? next.bytes || undefined : undefined;
    if (next.is === "samples") {
      context?.warn(
        "wrong_header",
        `${range.container}: the header says ${wanted} bytes of samples, more follow and were read`,
      );
    }
  }
}

// ---

const BLOCK_BYTES = 65_536;
const MAX_BLOCK_FRAMES = 8192;

/** Yields up to `bytes` of whole frames; returns how many bytes there were. A cut last frame is dropped. */
async function* readFrames(
  input: ByteReader,
  { encoding, channelCount, sampleRateHz, speakers }: LinearShape,
  bytes: number,
): AsyncGenerator<AudioBlock, number, undefined> {
  const frameBytes = SAMPLE_BYTES[encoding] * channelCount;
  const blockBytes = frameBytes * Math.min(MAX_BLOCK_FRAMES, Math.max(1, Math.floor(BLOCK_BYTES / frameBytes)));
  let done = 0;
  while (done < bytes) {
    const wanted = Math.min(blockBytes, bytes - done);
    const part = await input.read(wanted);
    done += part.length;
    if (part.length >= frameBytes) {
      const channels = deinterleave(part, encoding, channelCount);
      yield { sampleRateHz, channels, ...(speakers !== undefined && { speakers }) };
    }
    if (part.length < wanted) break;
  }
  return done;
}
