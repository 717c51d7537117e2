import type { ByteReader } from "./byte-reader.ts";
import { damaged } from "../refuse.ts";
import type { OpenContext } from "../types.ts";

/** The fields of a self-delimiting frame's header. */
export interface FrameHeader {
  /** Whole frame with its header. */
  readonly frameBytes: number;
  /** Equal for frames of one stream. */
  readonly key: number;
}

export interface FrameSyntax<H extends FrameHeader> {
  readonly container: string;
  readonly headerBytes: number;
  /** What each frame begins with; default 0xff. */
  readonly firstByte?: number;
  /** The header at `at`, when there is one; `at + headerBytes` lies within the bytes. */
  readonly parse: (bytes: Uint8Array, at: number) => H | undefined;
}

export interface ScannedFrame<H extends FrameHeader> {
  readonly header: H;
  /** A copy. */
  readonly data: Uint8Array;
}

/** Frames one after the other, with one step back: a stream may end where another begins. */
export interface FrameSource<H extends FrameHeader> {
  next(): Promise<ScannedFrame<H> | undefined>;
  /** Gives one frame back. */
  unread(frame: ScannedFrame<H>): void;
}

/** Yields the frames of one kind; the first of another kind is left unread. */
export async function* framesOfKind<H extends FrameHeader>(
  frames: FrameSource<H>,
  key: number,
): AsyncGenerator<ScannedFrame<H>, void, undefined> {
  for (let frame = await frames.next(); frame; frame = await frames.next()) {
    if (frame.header.key !== key) return frames.unread(frame);
    yield frame;
  }
}

/**
 * Frames of an MPEG audio or ADTS stream. Tags between frames are skipped; other bytes that are not a frame are skipped
 * too (streams are cut and joined at any byte), with a warning where they are more than 64 KiB; so many in front of the first
 * frame are another kind of file. Frames of another
 * kind (rate, channels) are taken when several of them follow each other. A frame that the end of the input cuts is
 * dropped: nothing in such a stream says where it should end.
 */
export function createFrameSource<H extends FrameHeader>(
  input: ByteReader,
  syntax: FrameSyntax<H>,
  context: Pick<OpenContext, "warn">,
): FrameSource<H> {
  const frames = scanFrames(input, syntax, context);
  let held: ScannedFrame<H> | undefined;
  return {
    async next() {
      const frame = held ?? (await frames.next()).value ?? undefined;
      held = undefined;
      return frame;
    },
    unread(frame) {
      held = frame;
    },
  };
}

async function* scanFrames<H extends FrameHeader>(
  input: ByteReader,
  syntax: FrameSyntax<H>,
  context: Pick<OpenContext, "warn">,
): AsyncGenerator<ScannedFrame<H>, void, undefined> {
  const { container, headerBytes, firstByte = 0xff, parse } = syntax;
  let key: number | undefined;
  let isInSync = false;
  let junkBytes = 0;

  for (;;) {
    const head = await input.peek(WINDOW_BYTES);
    if (head.length < headerBytes) return;
    const tagBytes = tagLength(head);
    if (tagBytes > 0) {
      await input.skip(tagBytes);
      isInSync = false;
      continue;
    }
    const header = parse(head, 0);
    const isSame = header !== undefined && (key === undefined || header.key === key);
    if (header && (isSame ? isInSync || (await isFollowed(header, 1)) : await isFollowed(header, OTHER_KIND_CHAIN))) {
      const data = (await input.peek(header.frameBytes)).slice();
      if (data.length < header.frameBytes) return;
      await input.skip(header.frameBytes);
      key = header.key;
      isInSync = true;
      junkBytes = 0;
      yield { header, data };
      continue;
    }
    isInSync = false;
    const step = nextCandidate(head);
    await input.skip(step);
    junkBytes += step;
    if (junkBytes > MAX_JUNK_BYTES) {
      if (key === undefined) throw damaged(container, `no audio frame was found in the first ${MAX_JUNK_BYTES} bytes`);
      context.warn("damaged", `${container}: more than ${MAX_JUNK_BYTES} bytes between its frames are not audio`);
    }
  }

  /** A header out of sync counts when so many others of its kind follow its frame, or the input ends before. */
  async function isFollowed(header: H, count: number): Promise<boolean> {
    let at = header.frameBytes;
    for (let i = 0; i < count; i++) {
      const bytes = await input.peek(at + headerBytes);
      if (bytes.length < at + headerBytes) return bytes.length >= header.frameBytes && (i > 0 || count === 1);
      const next = parse(bytes, at);
      if (next?.key !== header.key) return tagLength(bytes.subarray(at)) > 0 && (i > 0 || count === 1);
      at += next.frameBytes;
    }
    return true;
  }

  /** Distance to the next byte that could start a frame or a tag. */
  function nextCandidate(head: Uint8Array): number {
    for (let at = 1; at + headerBytes <= head.length; at++) {
      const byte = head[at]!;
      if (byte === firstByte ? parse(head, at) : TAG_STARTS.has(byte) && tagLength(head.subarray(at)) > 0) return at;
    }
    return Math.max(1, head.length - headerBytes + 1);
  }
}

/** Bytes of the ID3 or APE tag these bytes start with, 0 when they are none. */
export function tagLength(bytes: Uint8Array): number {
  if (bytes.length >= 10 && bytes[0] === 0x49 && bytes[1] === 0x44 && bytes[2] === 0x33) {
    const [a, b, c, d] = [bytes[6]!, bytes[7]!, bytes[8]!, bytes[9]!];
    if ((a | b | c | d) & 0x80 || bytes[3] === 0xff || bytes[4] === 0xff) return 0;
    return 10 + ((a << 21) | (b << 14) | (c << 7) | d) + (bytes[5]! & 0x10 ? 10 : 0);
  }
  if (bytes.length >= 3 && bytes[0] === 0x54 && bytes[1] === 0x41 && bytes[2] === 0x47) return 128;
  if (bytes.length >= 32 && Buffer.from(bytes.subarray(0, 8)).toString("latin1") === "APETAGEX") {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // The size leaves the header out; a footer alone (no header flag) stands where its tag ended.
    return view.getUint32(20, true) & 0x2000_0000 ? view.getUint32(12, true) + 32 : 32;
  }
  return 0;
}

// ---

const WINDOW_BYTES = 4096;
const MAX_JUNK_BYTES = 65_536;
/** Frames of another kind that must follow the first of them. */
const OTHER_KIND_CHAIN = 3;
/** I, T and A. */
const TAG_STARTS: ReadonlySet<number> = new Set([0x49, 0x54, 0x41]);
