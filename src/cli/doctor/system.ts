import { readdirSync, readFileSync, readlinkSync, type StatsFs } from "node:fs";
import { type FileHandle, open, rm, stat, statfs } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { availableMemoryBytes } from "../../supervisor/process/memory.ts";

/** The machine as the checks see it; tests put another one in its place. */
export interface System {
  readonly platform: string;
  readonly arch: string;
  readonly nodeVersion: string;
  readonly uid: number | undefined;
  readonly machine: { readonly cores: number; readonly memoryBytes: number };
  /** glibc version of this process; undefined on musl and outside Linux. */
  readonly glibcVersion: string | undefined;
  nowMs(): number;
  /** Text of a file; undefined when it cannot be read. */
  readText(path: string): string | undefined;
  /** Names in a folder; empty when it cannot be read. */
  list(path: string): readonly string[];
  readLink(path: string): string | undefined;
  availableMemoryBytes(): Promise<number>;
  /** Free bytes for an ordinary user on the disk of the nearest existing folder. */
  freeBytes(path: string): Promise<number | undefined>;
  stat(
    path: string,
  ): Promise<
    { readonly isDirectory: boolean; readonly mode: number; readonly uid: number; readonly mtimeMs: number } | undefined
  >;
  /** Error code of creating a file in the folder, undefined when it works. The file is removed. */
  tryWrite(dir: string): Promise<string | undefined>;
}

export const realSystem: System = {
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
  stat: async (path) => {
    const stats = await stat(path).catch(() => undefined);
    return (
      stats && { isDirectory: stats.isDirectory(), mode: stats.mode & 0o7777, uid: stats.uid, mtimeMs: stats.mtimeMs }
    );
  },
  tryWrite: async (dir) => {
    const path = join(dir, `.gigastt-doctor-${process.pid}`);
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, "wx", 0o600);
      return undefined;
    } catch (error) {
      return error instanceof Error && "code" in error ? String(error.code) : "unknown";
    } finally {
      await handle?.close();
      if (handle) await rm(path, { force: true });
    }
  },
};

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
