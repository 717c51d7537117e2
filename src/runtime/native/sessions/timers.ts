/** Timers of one owner, cleared together. */
export interface Timers {
  /** Runs the action once, unless cleared before. */
  after(ms: number, action: () => void): NodeJS.Timeout;
  clear(): void;
}

export function createTimers(): Timers {
  const running = new Set<NodeJS.Timeout>();
  return {
    after: (ms, action) => {
      const timer = setTimeout(() => {
        running.delete(timer);
        action();
      }, ms);
      running.add(timer);
      return timer;
    },
    clear: () => {
      for (const timer of running) clearTimeout(timer);
      running.clear();
    },
  };
}
