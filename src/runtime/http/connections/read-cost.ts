/** Thread time that reading a byte may take while its client owes some: 20 ms a MiB. Audio in chunks of 64 KiB takes 1 ms, in chunks of 1 KiB 5 ms. */
const MS_PER_BYTE = 20 / 2 ** 20;
/** One portion counts for no more: the time of a busy machine, or of a garbage collection, is not the client's. */
const MOST_MS_PER_PORTION = 0.5;
/** Longer than that in all: what is read is refused. */
const MOST_EXCESS_MS = 20;

/**
 * Finds what costs far more thread time to read than its bytes are worth (one byte to a chunk, questions without an end), while its client
 * owes thread time. Slowing it down is not enough: a client that leaves is only noticed behind everything it has sent, and what it made the
 * server hold is held until then.
 */
export interface ReadCost {
  /** Counts a portion of what is read for this owner, a request or a connection; returns whether that makes it too costly. */
  isTooMuch(owner: object, bytes: number, tookMs: number): boolean;
}

export function createReadCost(): ReadCost {
  const excessMs = new WeakMap<object, number>();
  return {
    isTooMuch: (owner, bytes, tookMs) => {
      const counted = Math.min(tookMs, MOST_MS_PER_PORTION) - bytes * MS_PER_BYTE;
      const sum = Math.max(0, (excessMs.get(owner) ?? 0) + counted);
      excessMs.set(owner, sum);
      return sum > MOST_EXCESS_MS;
    },
  };
}
