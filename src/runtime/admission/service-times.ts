/** What holds a slot: a transcription of a file, or a live session. They differ by orders of magnitude, so they are measured apart. */
export type WorkKind = "file" | "session";

/** Running estimate of how long work holds its slot. */
export interface ServiceTimes {
  record(kind: WorkKind, ms: number): void;
  /** Expected total hold in milliseconds. */
  meanMs(kind: WorkKind): number;
  /** Expected time that work which already held its slot for `elapsedMs` still takes. */
  remainingMs(kind: WorkKind, elapsedMs: number): number;
}

/** Before anything was measured: a short file, a short dictation. */
const FIRST_GUESS_MS: Readonly<Record<WorkKind, number>> = { file: 3000, session: 20_000 };
/** Weight of the newest measurement: about the last ten count. */
const WEIGHT = 0.2;

export function createServiceTimes(): ServiceTimes {
  const means: Record<WorkKind, number | undefined> = { file: undefined, session: undefined };
  const meanMs = (kind: WorkKind): number => means[kind] ?? FIRST_GUESS_MS[kind];
  return {
    record: (kind, ms) => {
      const before = means[kind];
      means[kind] = before === undefined ? ms : before + WEIGHT * (ms - before);
    },
    meanMs,
    // Work that outlived the mean says nothing about its end: half the mean again, or half of what it took so far.
    remainingMs: (kind, elapsedMs) => {
      const mean = meanMs(kind);
      return elapsedMs < mean ? mean - elapsedMs : Math.max(mean, elapsedMs) / 2;
    },
  };
}

/**
 * When the n-th of those who wait gets a slot, if every slot frees as expected and all who wait take `meanMs` each.
 *
 * @param freeInMs expected time until each slot is free, one entry per slot
 * @param ahead how many wait before the one that asks
 */
export function expectedWaitMs(freeInMs: readonly number[], ahead: number, meanMs: number): number {
  const slots = [...freeInMs].sort((a, b) => a - b);
  if (slots.length === 0) return meanMs;
  for (let served = 0; served < ahead; served++) {
    slots[0] = slots[0]! + meanMs; // not empty
    slots.sort((a, b) => a - b);
  }
  return slots[0]!; // not empty
}
