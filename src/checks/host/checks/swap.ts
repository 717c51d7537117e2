import { readableBytes } from "../../../shared/units.ts";
import { notChecked, ok, verdictOf } from "../../../audit/observe/verdict.ts";
import type { HostCheck } from "../check.ts";

export const check: HostCheck = {
  id: "GA-HST-006",
  severity: "warning",
  confidence: "likely",
  title: "Swap on a plain disk could keep audio and transcripts",
  why: "Audio and transcripts are kept in memory only, by design. Under memory pressure the kernel writes pages to swap; on a disk without encryption they stay there after the process, and after the power is off.",
  evidence: [
    "Read: /proc/swaps, whether a device is zram or dm-crypt, and memory.swap.max of the server's control group.",
  ],
  reads: ["/proc/swaps", "/sys/class/block/*/dm/uuid", "memory.swap.max"],
  fixKind: "manual",
  sameAs: [],
  run: ({ swaps, processes }) => {
    if ("unknown" in swaps) return notChecked(swaps.unknown);
    const plain = swaps.value.filter(({ kind }) => kind === "plain");
    if (swaps.value.length === 0) return ok("no swap");
    if (plain.length === 0) return ok(`only ${swaps.value.map(({ path, kind }) => `${path} (${kind})`).join(", ")}`);
    const running = "value" in processes ? processes.value : [];
    if (running.length > 0 && running.every(({ swapForbidden }) => swapForbidden === true))
      return ok("the server's control group may not swap");
    return verdictOf(
      plain.map(({ path, sizeBytes }) => ({
        place: path,
        evidence: `${path} ${readableBytes(sizeBytes)}`,
        message: `the server may be swapped out to ${path}, which is not encrypted`,
        fix: "Set MemorySwapMax=0 in the unit (memory-swap = memory for a container), encrypt the swap, or use zram.",
      })),
      "",
    );
  },
};
