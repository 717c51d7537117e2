import type { ResolvedConfig } from "../../config/types.ts";
import { systemClock } from "../../shared/time/clock.ts";
import type { Clock } from "../../shared/time/clock.ts";

/** What to do after a process ended unexpectedly. */
export type RestartDecision =
  | { readonly restart: true; readonly delayMs: number; readonly recent: number }
  /** Too many in too short a time: only a slow trial every `delayMs` from now on. */
  | { readonly restart: false; readonly delayMs: number; readonly recent: number };

export interface RestartPolicy {
  /** Counts one unexpected end. */
  failed(): RestartDecision;
  /** A person asked for a start: earlier failures are forgotten. */
  reset(): void;
  /** Unexpected ends within the window. */
  recent(): number;
}

export interface RestartLimits {
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  /** This many failures within the window are a crash loop. */
  readonly limit: number;
  readonly windowMs: number;
}

/** The policy of every supervised process, by the configuration in force. */
export function configuredRestarts(config: () => ResolvedConfig): RestartPolicy {
  const limitsNow = (): RestartLimits => {
    const { supervisor } = config();
    return {
      delayMinMs: supervisor.restartDelayMinMs,
      delayMaxMs: supervisor.restartDelayMaxMs,
      limit: supervisor.crashLimit,
      windowMs: supervisor.crashWindowMs,
    };
  };
  return createRestartPolicy(limitsNow, systemClock, Math.random);
}

/**
 * Exponential back-off with jitter: the first restart waits `delayMinMs`, each further one within the window twice as
 * long up to `delayMaxMs`, all shortened by a random part of up to a quarter so that many boxes do not restart in step.
 * Old failures leave the window by themselves, so a process that crashes once a day always restarts at once.
 */
export function createRestartPolicy(limitsNow: () => RestartLimits, clock: Clock, random: () => number): RestartPolicy {
  let failures: number[] = [];
  const prune = (): void => {
    const from = clock.monotonicMs() - limitsNow().windowMs;
    failures = failures.filter((atMs) => atMs > from);
  };
  return {
    failed: () => {
      const limits = limitsNow();
      prune();
      failures.push(clock.monotonicMs());
      const recent = failures.length;
      if (recent >= limits.limit) return { restart: false, delayMs: limits.windowMs, recent };
      const full = Math.min(limits.delayMaxMs, limits.delayMinMs * 2 ** (recent - 1));
      return { restart: true, delayMs: Math.round(full * (1 - random() / 4)), recent };
    },
    reset: () => {
      failures = [];
    },
    recent: () => {
      prune();
      return failures.length;
    },
  };
}
