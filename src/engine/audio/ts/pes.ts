/** The head of a packet of an elementary stream. */
export interface PesHead {
  /** When it is heard, in ticks of 90 kHz. */
  readonly pts: number | undefined;
  /** Where its data begin. */
  readonly dataAt: number;
}

/** Ticks a second of the clock of time stamps. */
export const PTS_RATE_HZ = 90_000;

/** Reads the head of a PES packet; undefined when it is none. */
export function parsePesHead(payload: Uint8Array): PesHead | undefined {
  if (payload.length < 9 || payload[0] !== 0 || payload[1] !== 0 || payload[2] !== 1) return undefined;
  const hasPts = (payload[7]! & 0x80) !== 0 && payload.length >= 14;
  return { pts: hasPts ? ptsAt(payload, 9) : undefined, dataAt: 9 + payload[8]! };
}

/**
 * Makes a clock out of time stamps: seconds from the first one. Stamps wrap after 26 hours and start again where streams were
 * joined: after such a jump the clock goes on from where it was.
 */
export function createPtsClock(start: number): (pts: number) => number {
  let base = start;
  let last = start;
  return (pts) => {
    const step = pts - last;
    if (Math.abs(step) > MAX_JUMP_S * PTS_RATE_HZ) base += step;
    last = pts;
    return (pts - base) / PTS_RATE_HZ;
  };
}

// ---

/** A longer pause inside a recording is a new start of its clock. */
const MAX_JUMP_S = 10;

/** 33 bits, with a marker bit behind each group. */
function ptsAt(bytes: Uint8Array, at: number): number {
  const high = (bytes[at]! >> 1) & 7;
  const middle = (bytes[at + 1]! << 7) | (bytes[at + 2]! >> 1);
  const low = (bytes[at + 3]! << 7) | (bytes[at + 4]! >> 1);
  return high * 2 ** 30 + middle * 2 ** 15 + low;
}
