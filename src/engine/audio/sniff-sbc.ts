import type { FrameHeader } from "./input/frame-scan.ts";

/** Header of an SBC frame (A2DP), of which only the length is asked for; undefined when there is none. */
export function parseSbcHeader(bytes: Uint8Array, at: number): FrameHeader | undefined {
  if (bytes[at] !== SYNC) return undefined;
  const flags = bytes[at + 1]!;
  const bitpool = bytes[at + 2]!;
  const blocks = 4 * (((flags >> 4) & 3) + 1);
  const mode = (flags >> 2) & 3;
  const subbands = flags & 1 ? 8 : 4;
  const channels = mode === 0 ? 1 : 2;
  if (bitpool < 2 || bitpool > 250) return undefined;
  const bits = mode < 2 ? blocks * channels * bitpool : blocks * bitpool + (mode === 3 ? subbands : 0);
  return { frameBytes: 4 + (4 * subbands * channels) / 8 + Math.ceil(bits / 8), key: flags };
}

// ---

const SYNC = 0x9c;
