import type { BenchReport } from "./report.ts";

/** Configuration values that fit what was measured, with the reason for each. */
export interface Advice {
  readonly key: string;
  readonly value: number;
  readonly reason: string;
}

/**
 * The pool is what keeps up live: a session more would make every one of them late. Silent sessions cost nothing, so a pool of at
 * least two is sensible on any box that keeps up with one. A measurement that ended before the box did says only "at least".
 *
 * @param poolSize what is configured now; nothing is advised when that fits already
 */
export function adviceFor(report: BenchReport, poolSize: number): readonly Advice[] {
  const { sustainedStreams, streams } = report;
  if (sustainedStreams === 0) return [];
  const fellBehind = streams.some(({ keptUp }) => !keptUp);
  const value = fellBehind ? Math.max(2, sustainedStreams) : Math.max(poolSize, sustainedStreams);
  if (value === poolSize) return [];
  const plural = `${sustainedStreams} live stream${sustainedStreams === 1 ? "" : "s"}`;
  const tail = fellBehind ? "and fell behind with more" : "and more were not tried";
  return [{ key: "pool.size", value, reason: `this box kept up with ${plural} ${tail}` }];
}
