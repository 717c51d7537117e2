import { GigasttError } from "../shared/errors.ts";
import { readVersion } from "../shared/version.ts";
import { paintFor } from "./output.ts";
import { registry } from "./registry.ts";
import { run } from "./run.ts";
import { UsageError } from "./usage.ts";

/** Runs the command line; sets `process.exitCode`: 0 ok, 1 failed, 2 usage or configuration, 130/143 ended by a signal. */
export async function main(argv: readonly string[]): Promise<void> {
  const controller = new AbortController();
  let ownSignals = false;
  let interrupted: keyof typeof EXIT_CODE_OF_SIGNAL | undefined;
  const onSignal = (name: keyof typeof EXIT_CODE_OF_SIGNAL): void => {
    // The second signal means now.
    if (interrupted !== undefined) process.exit(EXIT_CODE_OF_SIGNAL[name]);
    interrupted = name;
    controller.abort(new Error(`ended by ${name}`));
  };
  const onSigint = (): void => onSignal("SIGINT");
  const onSigterm = (): void => onSignal("SIGTERM");
  process.on("SIGINT", onSigint);
  process.on("SIGTERM", onSigterm);
  const onPipeError = (error: NodeJS.ErrnoException): void => {
    if (error.code !== "EPIPE") throw error;
    // `gigastt config print | head -1`: the reader has what it wanted. A service goes on without its terminal.
    if (!ownSignals) process.exit(0);
  };
  process.stdout.on("error", onPipeError);
  process.stderr.on("error", onPipeError);
  try {
    process.exitCode = await run(argv, {
      registry,
      version: readVersion,
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      env: process.env,
      cwd: process.cwd(),
      signal: controller.signal,
      onCommand: (command) => {
        ownSignals = command.ownSignals === true;
        if (!ownSignals) return;
        process.off("SIGINT", onSigint);
        process.off("SIGTERM", onSigterm);
      },
    });
  } catch (error) {
    process.exitCode = interrupted === undefined ? await report(error, argv) : EXIT_CODE_OF_SIGNAL[interrupted];
  } finally {
    process.off("SIGINT", onSigint);
    process.off("SIGTERM", onSigterm);
  }
}

const EXIT_CODE_OF_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const;

/** Tells what went wrong, in as few lines as it takes, and returns the exit code. */
async function report(error: unknown, argv: readonly string[]): Promise<number> {
  const flags = { "no-color": argv.includes("--no-color") };
  const paint = paintFor(process.stderr, { env: process.env, flags });
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const name = paint.red("gigastt:");
  if (error instanceof UsageError) {
    say(error.message.replaceAll(/^/gm, `${name} `));
    say(`Run \`${["gigastt", ...error.command, "--help"].join(" ")}\` for help.`);
    return error.exitCode;
  }
  if (error instanceof GigasttError) {
    if (error.code === "GST_CONFIG") {
      // Loaded only now: a healthy start never shows a problem.
      const { ConfigError } = await import("../config/problem.ts");
      const { renderProblems } = await import("./problems.ts");
      if (error instanceof ConfigError) {
        const count = error.problems.length;
        say(renderProblems(error.problems, error.source, paint));
        say(`${name} ${count === 1 ? "1 problem" : `${count} problems`} in the configuration`);
        return error.exitCode;
      }
    }
    say(`${name} ${error.message}`);
    return error.exitCode;
  }
  if (isSystemError(error)) {
    say(`${name} ${error.message}`);
    return 1;
  }
  say(`${name} bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  say(
    `This should not happen. Please report it with the lines above: gigastt ${readVersion()}, Node ${process.version}, ${process.platform} ${process.arch}.`,
  );
  return 1;
}

/** The operating system refused something (no space, no permission): the user's business, not a bug. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error && "code" in error && typeof error.code === "string";
}
