import { formatDuration } from "../../shared/units.ts";
import type { ResolvedConfig } from "../types.ts";

/** The machine as the rules see it. */
export interface Machine {
  readonly cores: number;
}

/** A rule over several keys. */
export interface CrossRule {
  readonly severity: "error" | "warning";
  /** The rule in one sentence, for the reference page. */
  readonly says: string;
  /** Dotted keys it reads. The first that was set by the user is pointed at; the rule is silent while one of them is invalid. */
  readonly keys: readonly [string, ...string[]];
  readonly check: (config: ResolvedConfig, machine: Machine) => CrossFinding | undefined;
}

export interface CrossFinding {
  readonly rule: string;
  readonly found?: string;
  readonly cure: string;
}

/** Returns what is wrong when the lower of two durations is longer than the upper. */
export function atMost(maxKey: string, minName: string, minMs: number, maxMs: number): CrossFinding | undefined {
  if (minMs <= maxMs) return undefined;
  return {
    rule: `must not be longer than ${maxKey}`,
    found: `${formatDuration(minMs)} against ${formatDuration(maxMs)}`,
    cure: `lower ${minName} to ${formatDuration(maxMs)} or raise the other`,
  };
}
