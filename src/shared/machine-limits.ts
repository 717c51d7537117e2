import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";

/** What the machine, or the container around us, gives. */
export interface MachineLimits {
  /** Whole and part cores: the scheduler's affinity and the cgroup quota, whichever is less. At least 0.1. */
  readonly cores: number;
  readonly memoryBytes: number;
}

/** Reads cgroup v2 and v1 limits; outside Linux or without a limit the machine's own. */
export function readMachineLimits(
  readText: (path: string) => string | undefined = readFileOrNothing,
  machine: { readonly cores: number; readonly memoryBytes: number } = {
    cores: availableParallelism(),
    memoryBytes: totalmem(),
  },
): MachineLimits {
  let { cores, memoryBytes } = machine;
  for (const folder of ["", ...ownGroups(readText)]) {
    const [quota, period] = (readText(`/sys/fs/cgroup${folder}/cpu.max`) ?? "max 100000").trim().split(" ");
    if (quota !== "max" && Number(quota) > 0) cores = Math.min(cores, Number(quota) / Number(period ?? 100_000));
    const memory = readText(`/sys/fs/cgroup${folder}/memory.max`)?.trim();
    if (memory && memory !== "max" && Number(memory) > 0) memoryBytes = Math.min(memoryBytes, Number(memory));
  }
  const quotaV1 = Number(readText("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") ?? -1);
  const periodV1 = Number(readText("/sys/fs/cgroup/cpu/cpu.cfs_period_us") ?? 100_000);
  if (quotaV1 > 0) cores = Math.min(cores, quotaV1 / periodV1);
  const memoryV1 = Number(readText("/sys/fs/cgroup/memory/memory.limit_in_bytes") ?? 0);
  if (memoryV1 > 0) memoryBytes = Math.min(memoryBytes, memoryV1);
  return { cores: Math.max(0.1, cores), memoryBytes };
}

/** Our cgroup and its parents, from /proc/self/cgroup, for processes limited without a namespace (systemd units). */
function ownGroups(readText: (path: string) => string | undefined): string[] {
  const line = readText("/proc/self/cgroup")
    ?.split("\n")
    .find((entry) => entry.startsWith("0::/"));
  const parts = line?.slice(4).split("/").filter(Boolean) ?? [];
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
}

function readFileOrNothing(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
