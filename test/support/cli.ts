import { Readable, Writable } from "node:stream";
import { registry } from "../../src/cli/registry.ts";
import { run } from "../../src/cli/run.ts";
import { GigasttError } from "../../src/shared/errors.ts";

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process, in a folder, without a terminal. What the user would see of an error is in stderr. */
export async function runCli(
  argv: readonly string[],
  cwd: string,
  options: { env?: NodeJS.ProcessEnv; stdin?: string } = {},
): Promise<CliResult> {
  let stdout = "";
  let stderr = "";
  const sink = (add: (text: string) => void): NodeJS.WriteStream =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        add(chunk.toString());
        done();
      },
    }) as unknown as NodeJS.WriteStream; // a pipe is not a terminal: commands use only `write`
  const world = {
    registry,
    version: () => "0.0.0",
    stdin: Readable.from(options.stdin === undefined ? [] : [options.stdin]),
    stdout: sink((text) => (stdout += text)),
    stderr: sink((text) => (stderr += text)),
    env: options.env ?? {},
    cwd,
    signal: new AbortController().signal,
  };
  try {
    const code = await run(argv, world);
    return { code, stdout, stderr };
  } catch (error) {
    if (!(error instanceof GigasttError)) throw error;
    return { code: error.exitCode, stdout, stderr: `${stderr}${error.message}\n` };
  }
}
