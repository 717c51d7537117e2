import { PassThrough } from "node:stream";
import type { DoctorContext, Finding, Check } from "../../../../src/cli/doctor/check.ts";
import type { System } from "../../../../src/cli/doctor/system.ts";
import type { CommandContext } from "../../../../src/cli/command.ts";
import { defaultConfig } from "../../../../src/config/defaults.ts";
import type { ResolvedConfig } from "../../../../src/config/types.ts";

/** A healthy Linux machine with the given files; anything can be replaced. */
export function machine(
  files: Readonly<Record<string, string>> = {},
  overrides: Partial<System> & { folders?: Readonly<Record<string, readonly string[]>> } = {},
): System {
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
    stat: () => Promise.resolve(undefined),
    tryWrite: () => Promise.resolve(undefined),
    ...overrides,
  };
}

export function contextOf(system: System, overrides: Partial<DoctorContext> = {}): DoctorContext {
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

/** The findings of one check as `status: text → cure` lines. */
export async function linesOf(check: Check, context: DoctorContext): Promise<string[]> {
  const findings: Finding | readonly Finding[] = await check.run(context);
  return [findings]
    .flat()
    .map(({ status, text, cure }) => `${status}: ${text}${cure === undefined ? "" : ` → ${cure}`}`);
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
