import { Writable } from "node:stream";
import type { Command, Registry } from "../../../src/cli/command.ts";
import { registry as commands } from "../../../src/cli/registry.ts";
import { reportError } from "../../../src/cli/report.ts";
import { run } from "../../../src/cli/run.ts";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly registry?: Registry;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Runs a command line in this process, with streams that remember. */
export async function runLine(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const [stdout, stderr] = [memory(options), memory(options)];
  const world = {
    registry: options.registry ?? commands,
    version: () => "9.9.9",
    stdin: process.stdin,
    stdout: stdout.stream,
    stderr: stderr.stream,
    env: options.env ?? {},
    cwd: options.cwd ?? "/nonexistent",
    signal: new AbortController().signal,
  };
  const code = await run(argv, world).catch((error: unknown) => reportError(error, { ...world, flags: {} }));
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

/** A registry of commands that are ready in memory. */
export function registryOf(commands: Readonly<Record<string, Command>>): Registry {
  return Object.fromEntries(
    Object.entries(commands).map(([name, command]) => [
      name,
      { topic: "run", summary: command.summary, load: async () => command },
    ]),
  );
}

function memory({ isTTY = false, columns }: RunOptions): { stream: NodeJS.WriteStream; text: () => string } {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  return {
    stream: Object.assign(stream, {
      isTTY,
      ...(columns === undefined ? {} : { columns }),
    }) as unknown as NodeJS.WriteStream, // the commands write and ask isTTY, no more
    text: () => chunks.join(""),
  };
}
