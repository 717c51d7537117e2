import { PassThrough } from "node:stream";
import type { DoctorCheck, DoctorContext } from "../../../../src/cli/doctor/check.ts";
import { runChecks } from "../../../../src/cli/doctor/run.ts";
import type { Machine } from "../../../../src/checks/machine.ts";
import type { CommandContext } from "../../../../src/cli/command.ts";
import { defaultConfig } from "../../../../src/config/defaults.ts";
import type { ResolvedConfig } from "../../../../src/config/types.ts";

/** A healthy Linux machine with the given files; anything can be replaced. */
export function machine(
  files: Readonly<Record<string, string>> = {},
  overrides: Partial<Machine> & { folders?: Readonly<Record<string, readonly string[]>> } = {},
): Machine {
  return {
    platform: "linux",
    arch: "x64",
    nodeVersion: "22.20.0",
    uid: 1000,
    machine: { cores: 4, memoryBytes: 8e9 },
    glibcVersion: "2.36",
    nowMs: () => Date.UTC(2030, 0, 1),
    readText: (path) => files[path],
    list: (path) => overrides.folders?.[path] ?? [],
    readLink: () => undefined,
    availableMemoryBytes: () => Promise.resolve(4e9),
    freeBytes: () => Promise.resolve(50e9),
    stat: () => ({ code: "ENOENT" }),
    run: (program) => Promise.resolve({ problem: `${program} is not installed` }),
    tryWrite: () => Promise.resolve(undefined),
    ...overrides,
  };
}

export function contextOf(system: Machine, overrides: Partial<DoctorContext> = {}): DoctorContext {
  return {
    config: defaultConfig,
    loaded: undefined,
    configError: undefined,
    env: { HOME: "/home/someone" },
    cwd: "/",
    system,
    signal: new AbortController().signal,
    ...overrides,
  };
}

/** The default configuration with some keys of some sections replaced. */
export function configWith(changes: { [S in keyof ResolvedConfig]?: Partial<ResolvedConfig[S]> }): ResolvedConfig {
  const sections = Object.entries(changes).map(([name, change]) => [
    name,
    { ...defaultConfig[name as keyof ResolvedConfig], ...change }, // names come from the type above
  ]);
  return { ...defaultConfig, ...Object.fromEntries(sections) };
}

/** What `doctor` prints of one check, as `status: text → cure` lines. */
export async function linesOf(check: DoctorCheck, context: DoctorContext): Promise<string[]> {
  const results = await runChecks([check], context);
  return results.map(({ status, text, cure }) => `${status}: ${text}${cure === undefined ? "" : ` → ${cure}`}`);
}

/** A command context that collects what is written. */
export function commandContext(options: {
  flags?: CommandContext["flags"];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}): CommandContext & { output(): string } {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  let text = "";
  stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return {
    flags: options.flags ?? {},
    positionals: [],
    stdin: new PassThrough(),
    // The commands use `write`, `isTTY` and `columns` only.
    stdout: stdout as unknown as NodeJS.WriteStream, // see above
    stderr: stderr as unknown as NodeJS.WriteStream, // see above
    env: options.env ?? {},
    cwd: options.cwd ?? "/",
    signal: new AbortController().signal,
    registry: {},
    output: () => text,
  };
}
