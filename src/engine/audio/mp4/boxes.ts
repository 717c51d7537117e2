import { damaged } from "../refuse.ts";

/** A box of a stored part of an MP4 file. */
export interface Mp4Box {
  readonly type: string;
  readonly body: Uint8Array;
}

/** The boxes in `bytes`. Fewer than 8 bytes at the end are padding (QuickTime writes them). */
export function parseBoxes(bytes: Uint8Array): Mp4Box[] {
  const boxes: Mp4Box[] = [];
  const view = viewOf(bytes);
  for (let at = 0; at + 8 <= bytes.length;) {
    const size = view.getUint32(at) || bytes.length - at;
    if (size < 8 || at + size > bytes.length) {
      throw damaged("MP4", "a box is larger than the one around it");
    }
    boxes.push({ type: typeAt(bytes, at + 4), body: bytes.subarray(at + 8, at + size) });
    at += size;
  }
  return boxes;
}

export function findBox(boxes: readonly Mp4Box[], type: string): Uint8Array | undefined {
  return boxes.find((box) => box.type === type)?.body;
}

/** The body of a nested box, by the types on the way to it. */
export function findPath(boxes: readonly Mp4Box[], ...path: string[]): Uint8Array | undefined {
  let level = boxes;
  let body: Uint8Array | undefined;
  for (const [i, type] of path.entries()) {
    body = findBox(level, type);
    if (!body) return undefined;
    if (i < path.length - 1) level = parseBoxes(body);
  }
  return body;
}

export function typeAt(bytes: Uint8Array, at: number): string {
  return Buffer.from(bytes.subarray(at, at + 4)).toString("latin1");
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Reads fields one after the other; a field beyond the end is `invalid_audio`. */
export interface FieldReader {
  u8(): number;
  u16(): number;
  u24(): number;
  u32(): number;
  i32(): number;
  /** Exact up to 2^53. */
  u64(): number;
  i64(): number;
  skip(bytes: number): void;
  readonly left: number;
  rest(): Uint8Array;
}

export function readFields(bytes: Uint8Array, what: string): FieldReader {
  const view = viewOf(bytes);
  let at = 0;
  function advance(count: number): number {
    if (at + count > bytes.length) throw damaged("MP4", `the ${what} box is cut short`);
    at += count;
    return at - count;
  }
  return {
    u8: () => view.getUint8(advance(1)),
    u16: () => view.getUint16(advance(2)),
    u24: () => (view.getUint8(advance(1)) << 16) | view.getUint16(advance(2)),
    u32: () => view.getUint32(advance(4)),
    i32: () => view.getInt32(advance(4)),
    u64: () => Number(view.getBigUint64(advance(8))),
    i64: () => Number(view.getBigInt64(advance(8))),
    skip: (count) => void advance(count),
    get left() {
      return bytes.length - at;
    },
    rest: () => bytes.subarray(at),
  };
}
