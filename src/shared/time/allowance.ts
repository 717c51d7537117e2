import type { Clock } from "./clock.ts";

/** A budget that fills with time. */
export interface Allowance {
  /** Spends now, if need be on credit. */
  spend(count: number): void;
  /** Milliseconds until nothing is owed; 0 = may go on. */
  readonly owedMs: number;
}

/** @param atOnce how much a client that was quiet may spend at once */
export function createAllowance(clock: Clock, perS: number, atOnce: number): Allowance {
  let left = atOnce;
  let atMs = clock.monotonicMs();
  const fill = (): number => {
    const nowMs = clock.monotonicMs();
    left = Math.min(atOnce, left + ((nowMs - atMs) * perS) / 1000);
    atMs = nowMs;
    return left;
  };
  return {
    spend: (count) => {
      left = fill() - count;
    },
    get owedMs() {
      return Math.ceil((Math.max(0, -fill()) * 1000) / perS);
    },
  };
}
