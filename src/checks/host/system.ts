import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { runProgram } from "../../shared/program.ts";

/** The machine as the collector reads it; tests put another one in its place. */
export interface HostSystem {
  readonly platform: string;
  /** Text of a file; undefined when it cannot be read. */
  readText(path: string): string | undefined;
  /** Names in a folder; empty when it cannot be read. */
  list(path: string): readonly string[];
  readLink(path: string): string | undefined;
  /** Mode and kind, or the error's code. */
  stat(path: string): { readonly mode: number; readonly isDirectory: boolean } | { readonly code: string };
  /** Standard output of a program, or one sentence why there is none. Bounded in time and size. */
  run(program: string, args: readonly string[]): Promise<{ readonly stdout: string } | { readonly problem: string }>;
}

const RUN_TIMEOUT_MS = 10_000;

export const realHost: HostSystem = {
  platform: process.platform,
  readText: (path) => orUndefined(() => readFileSync(path, "utf8")),
  list: (path) => orUndefined(() => readdirSync(path)) ?? [],
  readLink: (path) => orUndefined(() => readlinkSync(path)),
  stat: (path) => {
    try {
      const found = statSync(path);
      return { mode: found.mode & 0o7777, isDirectory: found.isDirectory() };
    } catch (error) {
      return { code: codeOf(error) };
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

// ---

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "failed";
}
