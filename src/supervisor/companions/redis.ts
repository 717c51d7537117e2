import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ResolvedConfig } from "../../config/types.ts";
import type { ProcessSnapshot, StopOutcome } from "../process/process-state.ts";
import type { StatePaths } from "../state/state-dir.ts";
import type { CompanionTrouble } from "../status/issues.ts";
import { createCompanion } from "./companion.ts";
import type { CompanionOptions } from "./companion.ts";
import { findProgram } from "./find-program.ts";
import { createRedisProcess } from "./redis-process.ts";
import type { RunningProgram } from "./replaced-programs.ts";

/** The managed Redis. Without it the history goes to files. */
export interface ManagedRedis {
  snapshots(): readonly ProcessSnapshot[];
  troubles(): readonly CompanionTrouble[];
  programs(): readonly RunningProgram[];
  /** Starts it when it is configured. Never throws. */
  start(): Promise<void>;
  /** Brings it in line with the configuration in force now. */
  follow(before: ResolvedConfig): Promise<void>;
  /** Tries a start again at once that waits or was given up. */
  retry(): Promise<void>;
  stop(options: { readonly now: boolean }): Promise<StopOutcome>;
  killNow(): void;
}

export function createRedis(options: CompanionOptions & { readonly paths: StatePaths }): ManagedRedis {
  const { paths, config, env } = options;
  const dataDir = join(paths.dir, "redis");
  let binary = "";
  const companion = createCompanion(
    createRedisProcess({ ...options, binary: () => binary, socket: redisSocket(paths), dataDir }),
    options,
  );
  const { process } = companion;

  const start = async (): Promise<void> => {
    const { redis } = config().supervisor;
    if (!redis.managed) return;
    await companion.attempt(async () => {
      binary = await findProgram(
        { binary: redis.binary, names: ["redis-server", "valkey-server"], key: "supervisor.redis.binary" },
        env,
      );
      await mkdir(dataDir, { recursive: true, mode: 0o700 });
      // A stop may have been requested in between.
      if (!companion.isStopping) await process.keep();
    });
  };

  return {
    snapshots: () => (config().supervisor.redis.managed || process.instances().length > 0 ? [process.snapshot()] : []),
    troubles: () => (companion.trouble === undefined ? [] : [companion.trouble]),
    programs: () => companion.program(binary),
    start,
    follow: async ({ supervisor: { redis: was } }) => {
      const { redis } = config().supervisor;
      const same =
        was.managed === redis.managed && was.binary === redis.binary && was.memoryBytes === redis.memoryBytes;
      if (same && (!redis.managed || process.state === "ready")) return;
      if (process.state !== "stopped") await process.stop();
      companion.trouble = undefined;
      await start();
    },
    retry: async () => {
      if (config().supervisor.redis.managed && process.state !== "ready") await start();
    },
    stop: (how) => {
      companion.isStopping = true;
      return process.stop(how);
    },
    killNow: () => process.killNow(),
  };
}

/** Beside the control socket, whose path is known to be short enough. */
export function redisSocket(paths: StatePaths): string {
  return join(dirname(paths.controlSocket), "redis.sock");
}
