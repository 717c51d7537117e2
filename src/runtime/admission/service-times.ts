/** What holds a slot: a transcription of a file, or a live session that speaks. They differ by orders of magnitude, so they are measured apart. */
export type WorkKind = "file" | "session";

/** How long work holds its slot, from what lately did. */
export interface ServiceTimes {
  record(kind: WorkKind, ms: number): void;
  /** Expected time that work which already held its slot for `heldMs` still takes. */
  remainingMs(kind: WorkKind, heldMs: number): number;
}

/** Before anything was measured: a short file, a short dictation. */
const FIRST_GUESS_MS: Readonly<Record<WorkKind, number>> = { file: 3000, session: 20_000 };
const REMEMBERED = 40;
/** Of the work that took longer, this share is done by then: a client that comes back too early asks twice. */
const CAUTION = 0.75;

export function createServiceTimes(): ServiceTimes {
  const recent: Record<WorkKind, number[]> = { file: [], session: [] };
  const next: Record<WorkKind, number> = { file: 0, session: 0 };
  return {
    record: (kind, ms) => {
      recent[kind][next[kind]] = ms;
      next[kind] = (next[kind] + 1) % REMEMBERED;
    },
    remainingMs: (kind, heldMs) => {
      const known = recent[kind].length > 0 ? recent[kind] : [FIRST_GUESS_MS[kind]];
      const longer = known.filter((ms) => ms > heldMs).sort((a, b) => a - b);
      // Work that outlived all others says nothing about its end: half of what it took so far.
      if (longer.length === 0) return Math.max(heldMs, Math.min(...known)) / 2;
      return longer[Math.floor((longer.length - 1) * CAUTION)]! - heldMs; // in range
    },
  };
}
