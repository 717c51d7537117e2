import { readdirSync, readFileSync, readlinkSync, statSync, type StatsFs } from "node:fs";
import { type FileHandle, open, rm, statfs } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import type { Machine } from "../checks/machine.ts";
import { errorCodeOf } from "../shared/errors.ts";
import { runProgram } from "../shared/process/program.ts";
import { availableMemoryBytes } from "../shared/machine/memory.ts";

/** This machine. */
export const realMachine: Machine = {
  platform: process.platform,
  arch: process.arch,
  nodeVersion: process.versions.node,
  uid: process.getuid?.(),
  machine: { cores: availableParallelism(), memoryBytes: totalmem() },
  get glibcVersion() {
    return glibcVersion();
  },
  nowMs: () => Date.now(),
  readText: (path) => orUndefined(() => readFileSync(path, "utf8")),
  list: (path) => orUndefined(() => readdirSync(path)) ?? [],
  readLink: (path) => orUndefined(() => readlinkSync(path)),
  availableMemoryBytes: () => availableMemoryBytes(),
  freeBytes: async (path) => {
    const stats = await nearest(path, (dir) => statfs(dir));
    return stats === undefined || stats.blocks === 0 ? undefined : stats.bavail * stats.bsize;
  },
  stat: (path) => {
    try {
      const found = statSync(path);
      return { isDirectory: found.isDirectory(), mode: found.mode & 0o7777, uid: found.uid, mtimeMs: found.mtimeMs };
    } catch (error) {
      return { code: errorCodeOf(error) ?? "unknown" };
    }
  },
  tryWrite: async (dir) => {
    const path = join(dir, `.gigastt-doctor-${process.pid}`);
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, "wx", 0o600);
      return undefined;
    } catch (error) {
      return errorCodeOf(error) ?? "unknown";
    } finally {
      await handle?.close();
      if (handle) await rm(path, { force: true });
    }
  },
  run: async (program, args) => {
    const { trouble, stdout } = await runProgram(program, args, {
      timeoutMs: RUN_TIMEOUT_MS,
      maxOutputBytes: 16 * 2 ** 20,
    });
    return trouble === undefined ? { stdout } : { problem: trouble };
  },
};

const RUN_TIMEOUT_MS = 10_000;

/** Applies `look` to the folder, or to the first of its parents where it works. */
async function nearest(path: string, look: (dir: string) => Promise<StatsFs>): Promise<StatsFs | undefined> {
  for (let dir = path; ; dir = join(dir, "..")) {
    const found = await look(dir).catch(() => undefined);
    if (found !== undefined || dir === join(dir, "..")) return found;
  }
}

function glibcVersion(): string | undefined {
  if (process.platform !== "linux") return undefined;
  const report = process.report;
  // Otherwise it resolves the names of all open connections, which takes seconds without a name server.
  const before = Reflect.get(report, "excludeNetwork");
  Reflect.set(report, "excludeNetwork", true);
  try {
    const header: unknown = Reflect.get(report.getReport(), "header");
    const version: unknown =
      typeof header === "object" && header !== null ? Reflect.get(header, "glibcVersionRuntime") : undefined;
    return typeof version === "string" ? version : undefined;
  } finally {
    Reflect.set(report, "excludeNetwork", before);
  }
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
