import type { BenchReport } from "./report.ts";

/** Configuration values that fit what was measured, with the reason for each. */
export interface Advice {
  readonly key: string;
  readonly value: number;
  readonly reason: string;
}

/**
 * The pool is what keeps up live: a session more would make every one of them late. Silent sessions cost nothing, so a pool of at
 * least two is sensible on any box that keeps up with one.
 */
export function adviceFor(report: BenchReport): readonly Advice[] {
  const { sustainedStreams, streams } = report;
  const largest = Math.max(0, ...streams.map((figure) => figure.streams));
  if (sustainedStreams === 0) return [];
  const more = sustainedStreams === largest ? "and no more were tried" : "and fell behind with one more";
  const pool: Advice = {
    key: "pool.size",
    value: Math.max(2, sustainedStreams),
    reason: `this box kept up with ${sustainedStreams} live stream${sustainedStreams === 1 ? "" : "s"} ${more}`,
  };
  return [pool];
}
