import { GigasttError } from "../../shared/errors.ts";
import type { MachineLimits } from "../../shared/machine/machine-limits.ts";

export interface WorkerPlan {
  readonly workers: number;
  /** ONNX intra-op threads of each worker. */
  readonly threads: number;
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

/**
 * Refuses a start that the kernel would end: with less memory than loading and one window need, the process is killed, started again and killed.
 * @throws GigasttError `GST_MODEL_MEMORY` (exit 2)
 */
export function requireMemory(
  limits: Pick<MachineLimits, "memoryBytes">,
  model: { readonly id: string; readonly precision: "int8" | "fp32"; readonly bytes: number },
  workers: number,
): void {
  const need = (count: number): number => PROCESS_BYTES + count * (model.bytes * LEAST_FACTOR + WORKER_BYTES);
  if (limits.memoryBytes >= need(workers)) return;
  const mib = (bytes: number): number => Math.ceil(bytes / 2 ** 20);
  const other =
    workers > 1 && limits.memoryBytes >= need(1)
      ? "Set engine.workers: 1"
      : model.precision === "fp32"
        ? `Make int8 weights (\`gigastt models quantize ${model.id}\`) and set model.precision: int8`
        : "Choose a smaller model";
  throw new GigasttError(
    "GST_MODEL_MEMORY",
    `${model.id} (${model.precision}) with ${workers} ${workers === 1 ? "worker" : "workers"} needs ${mib(need(workers))} MiB of memory, ${Math.floor(limits.memoryBytes / 2 ** 20)} MiB are allowed. ${other}, or allow ${mib(need(workers))} MiB.`,
    { exitCode: 2 },
  );
}

// ---

/**
 * Resident memory of a worker over the files' size, while it reads windows of 24 s and has no optimized copy: weights as they are stored, packed
 * for the kernels, and what loading leaves behind. Measured 1.9 to 2.2 with int8, 1.8 to 2.0 with fp32 (ADR 0132). With an optimized copy workers
 * share one and need less; whether there will be one is not known before the first start.
 */
const WEIGHTS_FACTOR = 2.2;
/** The least of these figures: below it a start is certain to fail. */
const LEAST_FACTOR = 1.8;
const WORKER_BYTES = 60e6;
const PROCESS_BYTES = 150e6;
/** The rest is for uploads, slow clients, and the system. */
const MEMORY_SHARE = 0.85;
const MAX_WORKERS = 8;
const MAX_THREADS = 4;
