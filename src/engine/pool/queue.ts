/** What the queue knows of a window. */
export interface Queueable {
  readonly kind: "live" | "file";
  readonly deadlineMs: number;
  /** Feature frames: how much work it is. */
  readonly frames: number;
}

/**
 * The order of windows: live before files, the earliest deadline first, and yet files get a share.
 *
 * While files wait behind live windows they earn a quarter of the time that live windows run; when they have earned a
 * window's worth, one file window goes first. So a file advances on a machine that live sessions fill completely,
 * and live sessions never wait for more than one file window per worker.
 */
export interface WindowQueue<T extends Queueable> {
  readonly length: number;
  add(item: T): void;
  remove(item: T): boolean;
  /** The next window, or undefined when none may run. `keepFree` leaves the worker to live windows. */
  take(keepFree: boolean): T | undefined;
  /** A window has run: its time is what shares and estimates are made of. */
  ran(item: T, tookMs: number): void;
  /** Removes and returns all. */
  clear(): T[];
}

export function createWindowQueue<T extends Queueable>(): WindowQueue<T> {
  const live: T[] = [];
  const file: T[] = [];
  let earnedMs = 0;
  let msPerFrame = 0.5;

  function take(keepFree: boolean): T | undefined {
    const nextLive = earliest(live);
    const nextFile = keepFree && nextLive === undefined ? undefined : earliest(file);
    if (nextLive === undefined && nextFile === undefined) return undefined;
    if (nextFile === undefined) return removed(live, nextLive!);
    const costMs = nextFile.frames * msPerFrame;
    if (nextLive !== undefined && earnedMs < costMs) return removed(live, nextLive);
    // A turn without competition counts as well: a file that advances anyway must not hold live windows back.
    earnedMs = Math.max(0, earnedMs - costMs);
    return removed(file, nextFile);
  }

  return {
    get length() {
      return live.length + file.length;
    },
    add(item) {
      (item.kind === "live" ? live : file).push(item);
    },
    remove(item) {
      const list = item.kind === "live" ? live : file;
      const at = list.indexOf(item);
      if (at >= 0) list.splice(at, 1);
      return at >= 0;
    },
    take,
    ran(item, tookMs) {
      msPerFrame += 0.2 * (tookMs / Math.max(1, item.frames) - msPerFrame);
      if (item.kind === "live" && file.length > 0) earnedMs += tookMs * FILE_SHARE;
      // What was earned is for waiting, not for saving up.
      if (file.length === 0) earnedMs = 0;
    },
    clear: () => [...live.splice(0), ...file.splice(0)],
  };
}

// ---

const FILE_SHARE = 0.25;

function earliest<T extends Queueable>(items: readonly T[]): T | undefined {
  let best: T | undefined;
  for (const item of items) if (best === undefined || item.deadlineMs < best.deadlineMs) best = item;
  return best;
}

function removed<T>(items: T[], item: T): T {
  items.splice(items.indexOf(item), 1);
  return item;
}
