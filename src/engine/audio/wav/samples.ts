import { deinterleave, SAMPLE_BYTES } from "../codec/pcm.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { tagLength } from "../input/frame-scan.ts";
import type { AudioBlock, OpenContext } from "../types.ts";
import { chunkNameAt, type WavHeader } from "./header.ts";
import type { WavShape } from "./shape.ts";

export interface SampleSource {
  readonly input: ByteReader;
  readonly shape: WavShape;
  /** Absent = samples until the end of the body. */
  readonly header?: WavHeader;
  readonly context?: OpenContext;
}

/** Reads the samples to where they really end; says when another file begins there. */
export async function* readSamples({
  input,
  shape,
  header,
  context,
}: SampleSource): AsyncGenerator<AudioBlock, "end" | "another file", undefined> {
  const frameBytes = SAMPLE_BYTES[shape.encoding] * shape.channelCount;
  let declared = header?.dataBytes;
  for (;;) {
    const wanted = declared ?? Number.POSITIVE_INFINITY;
    const whole = wanted - (Number.isFinite(wanted) ? wanted % frameBytes : 0);
    const got = yield* readFrames(input, shape, whole);
    if (declared === undefined) return "end";
    if (got < whole) {
      warnOfMissing(header, input.position, { got, declared }, context);
      return "end";
    }
    const next = await whatFollows(input, { rest: wanted % frameBytes, isOdd: wanted % 2 === 1, frameBytes });
    if (next.is === "end" || next.is === "another file") return next.is;
    // More samples than the header says, behind a further data chunk or without any header.
    declared = next.is === "data chunk" ? next.bytes || undefined : undefined;
    if (next.is === "samples") {
      context?.warn("wrong_header", `WAV: the header says ${wanted} bytes of samples, more follow and were read`);
    }
  }
}

// ---

const BLOCK_BYTES = 65_536;
const MAX_BLOCK_FRAMES = 8192;

/** Yields up to `bytes` of whole frames; returns how many bytes there were. A cut last frame is dropped. */
async function* readFrames(
  input: ByteReader,
  { encoding, channelCount, sampleRateHz, speakers }: WavShape,
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
  header: WavHeader | undefined,
  end: number,
  { got, declared }: { got: number; declared: number },
  context: OpenContext | undefined,
): void {
  const isWholeFile = header !== undefined && header.fileBytes === end;
  // The length of the file is right and that of the samples is not: nothing is missing.
  if (isWholeFile) {
    context?.warn("wrong_header", `WAV: the header says ${declared} bytes of samples, the file has ${got}`);
  } else
    context?.warn(
      "truncated",
      `WAV: the file is truncated, ${declared - got} of ${declared} bytes of samples are missing`,
    );
}

/** What stands behind the declared samples. */
export type Next =
  | { readonly is: "end" }
  | { readonly is: "samples" }
  | { readonly is: "another file" }
  | { readonly is: "data chunk"; readonly bytes: number };

/** Longest chunk behind the samples that is looked through to see whether it is one. */
const MAX_UNKNOWN_CHUNK_BYTES = 2 ** 20;

/**
 * Looks at what stands behind the declared samples: chunks, tags and padding end them, a further data chunk and bare
 * samples go on, from the frame after `rest` bytes.
 */
export async function whatFollows(
  input: ByteReader,
  { rest, isOdd, frameBytes }: { rest: number; isOdd: boolean; frameBytes: number },
): Promise<Next> {
  for (let padding = isOdd ? [rest + 1, rest] : [rest]; ;) {
    const head = (await input.peek(rest + 1 + 4096)).slice();
    if (head.length < rest + frameBytes || head.subarray(rest).every((byte) => byte === 0)) {
      if (head.length < rest + 1 + 4096) return { is: "end" };
    }
    let chunk: { at: number; name: string; bytes: number } | undefined;
    for (const at of padding) {
      if (tagLength(head.subarray(at)) > 0) return { is: "end" };
      const name = chunkNameAt(head, at);
      if (name === undefined || chunk) continue;
      const bytes = new DataView(head.buffer).getUint32(at + 4, true);
      if (/^(?:RIFF|RIFX|RF64|BW64)$/.test(name)) {
        await input.skip(at);
        return { is: "another file" };
      }
      if (name === "data" || (await isChunk(input, at, bytes))) chunk = { at, name, bytes };
    }
    if (!chunk) return { is: "samples" };
    await input.skip(chunk.at + 8);
    if (chunk.name === "data") return { is: "data chunk", bytes: chunk.bytes >= 0x7fff_f000 ? 0 : chunk.bytes };
    await input.skip(chunk.bytes);
    padding = chunk.bytes % 2 === 1 ? [1, 0] : [0];
    rest = 0;
  }
}

/** True when another chunk, a tag or the end of the file stands where this one ends. */
async function isChunk(input: ByteReader, at: number, bytes: number): Promise<boolean> {
  if (bytes > MAX_UNKNOWN_CHUNK_BYTES) return false;
  const end = at + 8 + bytes;
  const body = await input.peek(end + 1 + 12);
  if (body.length < end) return false;
  if (body.length <= end + 1) return true;
  const isNextAt = (start: number): boolean =>
    chunkNameAt(body, start) !== undefined || tagLength(body.subarray(start)) > 0 || isZero(body.subarray(start));
  return isNextAt(end) || (bytes % 2 === 1 && isNextAt(end + 1));
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
