import { verdictOf, type Problem, type Verdict } from "../../audit/observe/verdict.ts";
import { readableBytes } from "../../shared/units.ts";

/** The memory of a machine, and what runs of this server. */
export interface MemoryFact {
  /** Of the machine, or what its control group allows. */
  readonly totalBytes: number;
  /** What a new process could take now. */
  readonly availableBytes: number;
  /** What the running server and its supervisor take already. */
  readonly ownBytes: number;
  /** vm.overcommit_memory: 0 guess, 1 always, 2 never beyond CommitLimit; undefined outside Linux. */
  readonly overcommit: number | undefined;
  readonly commitLimitBytes: number | undefined;
}

/** What the configuration needs at most. */
export interface MemoryNeed {
  /** One server with a full pool, bytes. */
  readonly serverBytes: number;
  /** A hand-over: the old and the new server side by side, bytes. */
  readonly handoverBytes: number;
  /** `gigaam-v3 (int8)`; undefined when no model is installed. */
  readonly model: string | undefined;
}

/** Whether the server fits now, and a hand-over with it. */
export function memoryVerdict(fact: MemoryFact, { serverBytes, handoverBytes, model }: MemoryNeed): Verdict {
  const { totalBytes, availableBytes, ownBytes, overcommit, commitLimitBytes } = fact;
  const roomBytes = Math.min(totalBytes, availableBytes + ownBytes);
  const room = `${readableBytes(roomBytes)} ${roomBytes === totalBytes ? "in all" : "available"}`;
  const needs = `${model === undefined ? "" : `with ${model} `}a server needs up to ${readableBytes(serverBytes)}, a hand-over ${readableBytes(handoverBytes)}`;
  const problems: Problem[] = [];
  if (roomBytes < handoverBytes)
    problems.push({
      place: "/proc/meminfo",
      evidence: `${readableBytes(totalBytes)} in all, ${readableBytes(availableBytes)} available`,
      severity: roomBytes < serverBytes ? "error" : "warning",
      message: `${room}; ${needs}`,
      fix: "Use a smaller pool.size, limits.body or limits.asrBody, int8 weights, or more memory.",
    });
  if (overcommit === 2 && commitLimitBytes !== undefined && commitLimitBytes < handoverBytes)
    problems.push({
      place: "/proc/sys/vm/overcommit_memory",
      evidence: `vm.overcommit_memory = 2, CommitLimit ${readableBytes(commitLimitBytes)}`,
      severity: "warning",
      message: `vm.overcommit_memory is 2 and allows all programs together ${readableBytes(commitLimitBytes)}: the model's memory may be refused`,
      fix: "Set vm.overcommit_memory = 0, or raise vm.overcommit_ratio.",
    });
  return verdictOf(problems, `${room}; ${needs}`);
}
