import type { AudioSettings } from "../thread/protocol.ts";

/** When a session's next partial may be asked for: often on a free machine, seldom on a busy one. */
export interface PartialPace {
  /** Milliseconds until then; 0 or less = now. */
  readonly waitMs: number;
  /** What a partial took lately, milliseconds: so soon the next answer is wanted. */
  readonly latencyMs: number;
  /** An utterance begins: its first partial need not wait. */
  reset(): void;
  /** A partial was asked for. The returned function reports that its answer has arrived. */
  begin(): () => void;
}

export function createPartialPace({
  partialIntervalMinMs: minMs,
  partialIntervalMaxMs: maxMs,
}: Pick<AudioSettings, "partialIntervalMinMs" | "partialIntervalMaxMs">): PartialPace {
  let nextAtMs = 0;
  let latencyMs = minMs;
  return {
    get waitMs() {
      return nextAtMs - performance.now();
    },
    get latencyMs() {
      return latencyMs;
    },
    reset: () => {
      nextAtMs = 0;
    },
    begin() {
      const startedMs = performance.now();
      nextAtMs = startedMs + minMs;
      return () => {
        latencyMs += NEWEST_WEIGHT * (performance.now() - startedMs - latencyMs);
        // Twice the time it takes leaves the other half of a worker to others.
        nextAtMs = startedMs + Math.min(maxMs, Math.max(minMs, 2 * latencyMs));
      };
    },
  };
}

// ---

const NEWEST_WEIGHT = 0.3;
