import { LRUCache } from "lru-cache";
import type { RateLimitConfig } from "../../config/types.ts";
import type { Clock } from "../../shared/time/clock.ts";

/** At most this many clients are remembered; the least recently used is forgotten first. */
export const MAX_BUCKETS = 100_000;

export interface RateLimiter {
  /** Takes one token of the client's bucket. undefined = granted; otherwise milliseconds until the next token. */
  take(key: string): number | undefined;
  /** New limits; buckets keep what was used. */
  configure(limits: RateLimitConfig): void;
  readonly size: number;
}

/**
 * Token buckets as the generic cell rate algorithm: one number per client, the time at which its bucket would be full again.
 * A bucket that is full again and one that was never seen are the same thing, so forgetting the oldest is always safe for memory.
 */
export function createRateLimiter(
  limits: RateLimitConfig,
  clock: Clock,
  maxBuckets: number = MAX_BUCKETS,
): RateLimiter {
  const fullAtMs = new LRUCache<string, number>({ max: maxBuckets });
  let current = limits;
  return {
    take: (key) => {
      if (current.perMinute === 0) return undefined;
      const tokenMs = 60_000 / current.perMinute;
      const nowMs = clock.monotonicMs();
      const full = Math.max(nowMs, fullAtMs.get(key) ?? nowMs) + tokenMs;
      const waitMs = full - nowMs - Math.max(1, current.burst) * tokenMs;
      // Half a microsecond of slack: sums of fractions of a token must not cost a whole one.
      if (waitMs > 5e-4) return waitMs;
      fullAtMs.set(key, full);
      return undefined;
    },
    configure: (next) => {
      current = next;
    },
    get size() {
      return fullAtMs.size;
    },
  };
}
