import { readXiphLace } from "../codec/xiph-lace.ts";
import { damaged } from "../refuse.ts";
import { parseVint } from "./ebml.ts";

/** Returns a block's time from its cluster's, in ticks. */
export function timeAt(block: Uint8Array, at: number): number {
  return block.length < at + 2 ? 0 : (((block[at]! << 8) | block[at + 1]!) << 16) >> 16;
}

/** Returns the packets of a block, none when it is of another track. */
export function parseBlock(block: Uint8Array, trackNumber: number): Uint8Array[] {
  const track = parseVint(block, 0);
  if (!track || track.end + 3 > block.length) throw damaged("WebM/Matroska", "a block is cut short");
  if (track.value !== trackNumber) return [];
  const lacing = (block[track.end + 2]! >> 1) & 3;
  let at = track.end + 3;
  if (lacing === 0) return [block.subarray(at)];
  const count = (block[at++] ?? 0) + 1;
  const sizes: number[] = [];
  const left = (): number => block.length - at - sizes.reduce((sum, size) => sum + size, 0);

  if (lacing === 2) {
    const each = left() / count;
    for (let i = 0; i < count - 1; i++) sizes.push(each);
  } else if (lacing === 1) {
    for (let i = 0; i < count - 1; i++) {
      const { size, end } = readXiphLace(block, at);
      at = end;
      sizes.push(size);
    }
  } else {
    let size = 0;
    for (let i = 0; i < count - 1; i++) {
      const vint = parseVint(block, at);
      if (!vint) throw damaged("WebM/Matroska", "the lacing of a block is broken");
      // All sizes but the first are differences, coded around the middle of their range.
      size = i === 0 ? vint.value : size + vint.value - (2 ** (7 * (vint.end - at) - 1) - 1);
      at = vint.end;
      sizes.push(size);
    }
  }
  sizes.push(left());
  if (sizes.some((size) => !Number.isInteger(size) || size < 0)) {
    throw damaged("WebM/Matroska", "the lacing of a block is broken");
  }
  return sizes.map((size) => {
    at += size;
    return block.subarray(at - size, at);
  });
}
