/** Repeatable random numbers and byte mutations for fuzz suites. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** Whole number from 0 to limit - 1. */
  below(limit: number): number;
  pick<T>(values: readonly T[]): T;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0 || 1;
  const next = (): number => {
    // xorshift32
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return { next, below, pick: (values) => values[below(values.length)]! }; // callers pass no empty list
}

/** One to five random changes: flipped bits, overwritten, removed, repeated, inserted or zeroed stretches, a cut end. */
export function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  let out = Buffer.from(bytes);
  const changes = 1 + random.below(5);
  for (let change = 0; change < changes && out.length > 0; change++) {
    // Headers are where mistakes hide: half of all changes hit the first 200 bytes.
    const at = random.next() < 0.5 ? random.below(Math.min(200, out.length)) : random.below(out.length);
    const length = 1 + random.below(random.next() < 0.8 ? 8 : 2000);
    const before = out.subarray(0, at);
    const hit = out.subarray(at, at + length);
    const after = out.subarray(at + length);
    switch (random.below(8)) {
      case 0:
        out[at] = out[at]! ^ (1 << random.below(8)); // in range
        break;
      case 1:
        for (let n = 0; n < hit.length; n++) hit[n] = random.below(256);
        break;
      case 2:
        out = Buffer.concat([before, after]);
        break;
      case 3:
        out = Buffer.concat([before, hit, hit, after]);
        break;
      case 4:
        out = Buffer.concat([before, Buffer.from(Array.from({ length }, () => random.below(256))), hit, after]);
        break;
      case 5:
        hit.fill(random.pick([0, 0xff, 0x7f, 0x80]));
        break;
      case 6:
        out = Buffer.from(before);
        break;
      case 7:
        // Sizes and counts: big-endian and little-endian extremes.
        if (at + 4 <= out.length)
          out.writeUInt32BE(random.pick([0, 1, 0x7fffffff, 0x80000000, 0xffffffff, out.length]), at);
        break;
    }
  }
  return out;
}

/** Runs the cases with this many under way at once. */
export async function runCases(count: number, parallel: number, run: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await run(next++);
  };
  await Promise.all(Array.from({ length: parallel }, worker));
}
