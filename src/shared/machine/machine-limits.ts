import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { controlGroups, limitOf } from "./control-groups.ts";

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
  const { unified, memory, cpu } = controlGroups(readText("/proc/self/cgroup"));
  const limitCores = (quota: number | undefined, period: number | undefined): void => {
    if (quota !== undefined) cores = Math.min(cores, quota / (period ?? 100_000));
  };
  const limitMemory = (text: string | undefined): void => {
    memoryBytes = Math.min(memoryBytes, limitOf(text) ?? memoryBytes);
  };
  for (const folder of withRoot(unified, "/sys/fs/cgroup")) {
    const [quota, period] = (readText(`${folder}/cpu.max`) ?? "").trim().split(" ");
    limitCores(limitOf(quota), limitOf(period));
    limitMemory(readText(`${folder}/memory.max`));
  }
  for (const folder of withRoot(cpu, "/sys/fs/cgroup/cpu"))
    limitCores(limitOf(readText(`${folder}/cpu.cfs_quota_us`)), limitOf(readText(`${folder}/cpu.cfs_period_us`)));
  for (const folder of withRoot(memory, "/sys/fs/cgroup/memory"))
    limitMemory(readText(`${folder}/memory.limit_in_bytes`));
  return { cores: Math.max(0.1, cores), memoryBytes };
}

/** Where /proc is hidden the root of the mount is still a limit. */
function withRoot(folders: readonly string[], root: string): readonly string[] {
  return folders.length === 0 ? [root] : folders;
}

function readFileOrNothing(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
