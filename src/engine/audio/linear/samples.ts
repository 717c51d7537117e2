import { deinterleave, SAMPLE_BYTES, type SampleEncoding } from "../codec/pcm.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { tagLength } from "../input/frame-scan.ts";
import { MAGIC_BYTES, startsRecording } from "../sniff.ts";
import type { AudioBlock, OpenContext } from "../types.ts";
import { paddingOf, type ChunkLayout } from "./chunks.ts";

/** How samples that stand one behind the other are read. */
export interface LinearShape {
  readonly encoding: SampleEncoding;
  readonly channelCount: number;
  readonly sampleRateHz: number;
  /** WAVE mask of the speakers; undefined = not named. */
  readonly speakers?: number | undefined;
}

/** Where a file says that its samples end. */
export interface SampleRange {
  /** For messages. */
  readonly container: string;
  /** Declared length of the samples; undefined = until the end of the body. */
  readonly dataBytes: number | undefined;
  /** Declared position of the end of the file; undefined = not declared. */
  readonly fileBytes: number | undefined;
  /** Of what stands behind the samples. */
  readonly layout: ChunkLayout;
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

function warnOfMissing(
  { container, fileBytes }: SampleRange,
  end: number,
  { got, declared }: { got: number; declared: number },
  context: OpenContext | undefined,
): void {
  // The length of the file is right and that of the samples is not: nothing is missing.
  if (fileBytes === end) {
    context?.warn("wrong_header", `${container}: the header says ${declared} bytes of samples, the file has ${got}`);
    return;
  }
  const missing = `${declared - got} of ${declared} bytes of samples are missing`;
  context?.warn("truncated", `${container}: the file is truncated, ${missing}`);
}

/** What stands behind the declared samples. */
export type Next =
  | { readonly is: "end" }
  | { readonly is: "samples" }
  | { readonly is: "data chunk"; readonly bytes: number };

/** Longest chunk behind the samples that is looked through to see whether it is one. */
const MAX_UNKNOWN_CHUNK_BYTES = 2 ** 20;

/**
 * Looks at what stands behind the declared samples: chunks, tags, padding and another file end them, a further data chunk and
 * bare samples go on, from the frame after `rest` bytes.
 */
export async function whatFollows(
  input: ByteReader,
  { rest, dataBytes, frameBytes, layout }: { rest: number; dataBytes: number; frameBytes: number; layout: ChunkLayout },
): Promise<Next> {
  for (let padding = [rest + paddingOf(layout, dataBytes), rest]; ;) {
    const head = (await input.peek(rest + layout.alignBytes + 4096)).slice();
    if (head.length < rest + frameBytes || isZero(head.subarray(rest))) {
      if (head.length < rest + layout.alignBytes + 4096) return { is: "end" };
    }
    let found: { at: number; name: string; bytes: number } | undefined;
    for (const at of padding) {
      if (tagLength(head.subarray(at)) > 0) return { is: "end" };
      if (startsRecording(head.subarray(at))) {
        await input.skip(at);
        return { is: "end" };
      }
      const chunk = found ? undefined : layout.chunkAt(head, at);
      if (chunk && (chunk.name === "data" || (await isChunk(input, { layout, at, bytes: chunk.bytes })))) {
        found = { at, ...chunk };
      }
    }
    if (!found) return { is: "samples" };
    await input.skip(found.at + layout.headBytes);
    if (found.name === "data") return { is: "data chunk", bytes: found.bytes >= 0x7fff_f000 ? 0 : found.bytes };
    await input.skip(found.bytes);
    padding = [paddingOf(layout, found.bytes), 0];
    rest = 0;
  }
}

/** True when another chunk, a tag or the end of the file stands where this one ends. */
async function isChunk(
  input: ByteReader,
  { layout, at, bytes }: { layout: ChunkLayout; at: number; bytes: number },
): Promise<boolean> {
  if (bytes > MAX_UNKNOWN_CHUNK_BYTES) return false;
  const end = at + layout.headBytes + bytes;
  const padding = paddingOf(layout, bytes);
  const body = await input.peek(end + padding + MAGIC_BYTES + layout.headBytes);
  if (body.length < end) return false;
  if (body.length <= end + padding) return true;
  const isNextAt = (start: number): boolean => {
    const next = body.subarray(start);
    return layout.chunkAt(body, start) !== undefined || startsRecording(next) || tagLength(next) > 0 || isZero(next);
  };
  return isNextAt(end) || (padding > 0 && isNextAt(end + padding));
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
