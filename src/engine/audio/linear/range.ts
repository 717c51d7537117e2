import type { ByteReader } from "../input/byte-reader.ts";
import { tagLength } from "../input/frame-scan.ts";
import { MAGIC_BYTES, startsRecording } from "../sniff.ts";
import type { OpenContext } from "../types.ts";
import { paddingOf, type ChunkLayout } from "./chunks.ts";

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

/** The bytes of packets of one size, to where they really end. */
export async function* readRange(
  input: ByteReader,
  range: SampleRange,
  packetBytes: number,
  context: OpenContext,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { container, dataBytes: declared, layout } = range;
  let left = declared ?? Number.POSITIVE_INFINITY;
  for (;;) {
    const bytes = left > 0 ? await input.next(Math.min(left, 65_536)) : undefined;
    if (bytes) {
      left -= bytes.length;
      yield bytes.slice();
      continue;
    }
    if (declared === undefined || left === Number.POSITIVE_INFINITY) return;
    if (left > 0) return warnOfMissing(range, input.position, { got: declared - left, declared }, context);
    const next = await whatFollows(input, { rest: 0, dataBytes: declared, frameBytes: packetBytes, layout });
    if (next.is === "end") return;
    context.warn(
      "wrong_header",
      `${container}: the header says ${declared} bytes of samples, more follow and were read`,
    );
    left = Number.POSITIVE_INFINITY;
  }
}

/** Says that fewer samples came than were declared. */
export function warnOfMissing(
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

// ---

/** Longest chunk behind the samples that is looked through to see whether it is one. */
const MAX_UNKNOWN_CHUNK_BYTES = 2 ** 20;

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
