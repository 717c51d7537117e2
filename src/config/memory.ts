import type { ResolvedConfig } from "./types.ts";

const MIB = 2 ** 20;

/**
 * Memory of a running server before any session, MiB, where the model is not known. Measured in the container on graphs of GigaAM v3's size
 * (ADR 0128): int8, 236 MB of files: 567 with one worker, 1120 with the two that fit the limit which follows; fp32, 892 MB: 1619 with one.
 * The engine starts as many workers as the whole limit has room for.
 */
const BASE_MIB: Readonly<Record<"int8" | "fp32", number>> = { int8: 1024, fp32: 2048 };
/** Memory of the process beside its workers, bytes. */
const PROCESS_BYTES = 150e6;
/** One live session, MiB: audio tail, features, outgoing buffer. Measured: 2 to 4; a slow client's buffers come on top. */
const SESSION_MIB = 16;

/** Limits are given in steps of this, MiB. */
const STEP_MIB = 256;

/** An installed model, as the formula needs it. */
export interface ModelMemory {
  readonly id: string;
  readonly precision: "int8" | "fp32";
  /** Resident memory of one worker. */
  readonly workerBytes: number;
}

type MemoryConfig = {
  readonly pool: Pick<ResolvedConfig["pool"], "size">;
  readonly limits: Pick<ResolvedConfig["limits"], "bodyBytes" | "asrBodyBytes">;
  readonly model: Pick<ResolvedConfig["model"], "precision">;
  readonly engine: Pick<ResolvedConfig["engine"], "workers">;
};

/**
 * Returns the memory that one server needs at most: the model, a full pool of sessions and their uploads. The one formula of the limits in units and
 * manifests, of `doctor` and of the audit; units and manifests do not know which model the server will find.
 */
export function serverMemoryBytes({ pool, limits, model, engine }: MemoryConfig, installed?: ModelMemory): number {
  const workers = engine.workers === "auto" ? 1 : engine.workers;
  const baseBytes =
    installed === undefined
      ? BASE_MIB[model.precision === "fp32" ? "fp32" : "int8"] * MIB
      : PROCESS_BYTES + workers * installed.workerBytes;
  return baseBytes + pool.size * SESSION_MIB * MIB + uploadBytes({ pool, limits });
}

/** Returns the most that all uploads hold together: one body for each place, of which the oldest may be a film. */
function uploadBytes({ pool, limits }: Pick<MemoryConfig, "pool" | "limits">): number {
  return pool.size * limits.bodyBytes + Math.max(0, limits.asrBodyBytes - limits.bodyBytes);
}

/** Returns it as a limit to set, MiB. */
export function serverMemoryMiB(config: MemoryConfig, installed?: ModelMemory): number {
  return Math.ceil(serverMemoryBytes(config, installed) / MIB / STEP_MIB) * STEP_MIB;
}
