import { readableBytes } from "../../../shared/units.ts";
import { notChecked, verdictOf, type Problem } from "../../observe/verdict.ts";
import type { HostCheck } from "../check.ts";

export const check: HostCheck = {
  id: "GA-HST-010",
  severity: "warning",
  confidence: "likely",
  title: "The machine has less memory than the configuration may use",
  why: "The pool, the uploads and, during a hand-over, two servers side by side decide how much memory is used at most. Where that is more than there is, the kernel kills the largest process: the server, in the middle of every session.",
  evidence: [
    "Read: MemTotal and, where vm.overcommit_memory is 2, CommitLimit; compared with the memory render derives for the unit.",
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
        // A hand-over runs two servers: half of it is what one takes.
        ...(totalBytes < need / 2 ? { severity: "error" as const } : {}),
        message: `this machine has ${readableBytes(totalBytes)}; ${totalBytes < need / 2 ? `one server may take ${readableBytes(need / 2)}` : `a hand-over may take ${readableBytes(need)}`}`,
        fix,
      });
    if (overcommit === 2 && commitLimitBytes < need)
      problems.push({
        place: "/proc/sys/vm/overcommit_memory",
        evidence: `vm.overcommit_memory = 2, CommitLimit ${readableBytes(commitLimitBytes)}`,
        message: `vm.overcommit_memory is 2 and lets all programs together ask for ${readableBytes(commitLimitBytes)} only: the model's memory may be refused`,
        fix: "Set vm.overcommit_memory = 0, or raise vm.overcommit_ratio.",
      });
    return verdictOf(problems, `${readableBytes(totalBytes)}, ${readableBytes(need)} needed at most`);
  },
};
