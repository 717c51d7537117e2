import { memoryVerdict } from "../../machine/memory.ts";
import { notChecked } from "../../../audit/observe/verdict.ts";
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
  run: ({ memory, plan }) =>
    "unknown" in memory ? notChecked(memory.unknown) : memoryVerdict(memory.value, plan.memory),
};
