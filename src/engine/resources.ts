import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";

/** What the machine, or the container around us, gives. */
export interface MachineLimits {
  /** Whole and part cores: the scheduler's affinity and the cgroup quota, whichever is less. At least 0.1. */
  readonly cores: number;
  readonly memoryBytes: number;
}

export interface WorkerPlan {
  readonly workers: number;
  /** ONNX intra-op threads of each worker. */
  readonly threads: number;
}

/** Reads cgroup v2 and v1 limits; outside Linux or without a limit the machine's own. */
export function readMachineLimits(readText: (path: string) => string | undefined = readFileOrNothing): MachineLimits {
  let cores: number = availableParallelism();
  let memoryBytes = totalmem();
  const folders = ["", ...ownGroups(readText)];
  for (const folder of folders) {
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

/**
 * How many workers and threads fit. Every worker holds a copy of the weights, so memory bounds the workers;
 * cores that are left go to threads. One core more or less than whole counts as its floor, but never below one.
 */
export function planWorkers(
  limits: MachineLimits,
  modelBytes: number,
  wanted: { readonly workers: number | "auto"; readonly threads: number | "auto" },
): WorkerPlan {
  const cores = Math.max(1, Math.floor(limits.cores));
  const perWorkerBytes = modelBytes * WEIGHTS_FACTOR + WORKER_BYTES;
  const fit = Math.max(1, Math.floor((limits.memoryBytes * MEMORY_SHARE - PROCESS_BYTES) / perWorkerBytes));
  if (wanted.workers !== "auto") {
    const threads = wanted.threads === "auto" ? Math.max(1, Math.floor(cores / wanted.workers)) : wanted.threads;
    return { workers: wanted.workers, threads: wanted.threads === "auto" ? Math.min(threads, MAX_THREADS) : threads };
  }
  if (wanted.threads !== "auto") {
    return {
      workers: Math.max(1, Math.min(fit, MAX_WORKERS, Math.floor(cores / wanted.threads))),
      threads: wanted.threads,
    };
  }
  // Two threads a worker answer a live window sooner than one; on two cores two workers keep a file from blocking it.
  const threads = cores >= 4 ? 2 : 1;
  const workers = Math.max(1, Math.min(fit, MAX_WORKERS, Math.floor(cores / threads)));
  return { workers, threads: Math.min(MAX_THREADS, Math.max(threads, Math.floor(cores / workers))) };
}

// ---

/** Resident size of loaded weights, arena and packed copies over the file's size: measured 1.2 to 1.5. */
const WEIGHTS_FACTOR = 1.5;
const WORKER_BYTES = 60e6;
const PROCESS_BYTES = 150e6;
const MEMORY_SHARE = 0.7;
const MAX_WORKERS = 8;
const MAX_THREADS = 4;

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
