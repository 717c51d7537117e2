/**
 * Timers for any duration. Node keeps a delay in 31 bits: a longer one (24.9 days) fires at once. All code of the project takes its timers
 * from here, so that a duration from a configuration or a command line never does.
 */

/** The longest delay that Node keeps. */
const LONGEST_MS = 2 ** 31 - 1;

/** Runs the action once after the delay; `clearTimeout`, `ref` and `unref` work as on Node's own timer. Infinity: never. */
export function setTimeout(action: () => void, delayMs: number): NodeJS.Timeout {
  const { partMs, parts } = inParts(delayMs);
  let left = parts;
  const timer = globalThis.setTimeout(() => {
    left--;
    if (left > 0) timer.refresh();
    else action();
  }, partMs);
  return timer;
}

/** Runs the action after each interval; `clearInterval`, `ref` and `unref` work as on Node's own timer. */
export function setInterval(action: () => void, intervalMs: number): NodeJS.Timeout {
  const { partMs, parts } = inParts(intervalMs);
  let left = parts;
  return globalThis.setInterval(() => {
    left--;
    if (left > 0) return;
    left = parts;
    action();
  }, partMs);
}

/**
 * Resolves after the delay; rejects with the signal's reason as soon as it is aborted.
 *
 * @param options.ref false: does not keep the process alive
 */
export function sleep(delayMs: number, options: { signal?: AbortSignal; ref?: boolean } = {}): Promise<void> {
  const { signal, ref = true } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, delayMs);
    if (!ref) timer.unref();
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Timers of one owner, cleared together. */
export interface Timers {
  /** Runs the action once, unless cleared before. */
  after(delayMs: number, action: () => void): NodeJS.Timeout;
  clear(): void;
}

export function createTimers(): Timers {
  const running = new Set<NodeJS.Timeout>();
  return {
    after: (delayMs, action) => {
      const timer = setTimeout(() => {
        running.delete(timer);
        action();
      }, delayMs);
      running.add(timer);
      return timer;
    },
    clear: () => {
      for (const timer of running) clearTimeout(timer);
      running.clear();
    },
  };
}

// ---

/** Equal parts that Node can keep: `Timeout.refresh` starts the same duration again. */
function inParts(delayMs: number): { partMs: number; parts: number } {
  const parts = Math.max(1, Math.ceil(delayMs / LONGEST_MS));
  return { partMs: parts === Infinity ? LONGEST_MS : Math.ceil(delayMs / parts), parts };
}
