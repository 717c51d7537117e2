import { readableBytes } from "../../../shared/units.ts";
import { notChecked, verdictOf, type Problem } from "../../../audit/observe/verdict.ts";
import type { HostCheck } from "../check.ts";

export const check: HostCheck = {
  id: "GA-HST-010",
  severity: "warning",
  confidence: "likely",
  title: "The machine has less memory than the configuration may use",
  why: "The pool, the uploads and, during a hand-over, two servers side by side decide how much memory is used at most. Where that is more than there is, the kernel kills the largest process: the server, in the middle of every session.",
  evidence: [
    "Read: MemTotal and, where vm.overcommit_memory is 2, CommitLimit; compared with the memory that the installed model, pool.size and limits.body need.",
  ],
  reads: ["/proc/meminfo", "/proc/sys/vm/overcommit_memory"],
  fixKind: "manual",
  sameAs: ["GA-SBX-003"],
  judge: ({ memory, plan }) => {
    if ("unknown" in memory) return notChecked(memory.unknown);
    const { totalBytes, overcommit, commitLimitBytes } = memory.value;
    const need = plan.memoryBytes;
    const fix = "Lower pool.size or limits.body, or give the machine more memory.";
    const problems: Problem[] = [];
    if (totalBytes < need)
      problems.push({
        place: "/proc/meminfo",
        evidence: `MemTotal ${readableBytes(totalBytes)}`,
        ...(totalBytes < plan.serverBytes ? { severity: "error" as const } : {}),
        message: `this machine has ${readableBytes(totalBytes)}; ${totalBytes < plan.serverBytes ? `one server needs up to ${readableBytes(plan.serverBytes)}` : `a hand-over needs up to ${readableBytes(need)}`}`,
        fix,
      });
    if (overcommit === 2 && commitLimitBytes < need)
      problems.push({
        place: "/proc/sys/vm/overcommit_memory",
        evidence: `vm.overcommit_memory = 2, CommitLimit ${readableBytes(commitLimitBytes)}`,
        message: `vm.overcommit_memory is 2 and lets all programs together ask for ${readableBytes(commitLimitBytes)} only: the model's memory may be refused`,
        fix: "Set vm.overcommit_memory = 0, or raise vm.overcommit_ratio.",
      });
    return verdictOf(
      problems,
      `${readableBytes(totalBytes)}; a server needs up to ${readableBytes(plan.serverBytes)}, a hand-over ${readableBytes(need)}`,
    );
  },
};
