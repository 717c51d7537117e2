import { writeSync } from "node:fs";
import { readVersion } from "../shared/version.ts";
import type { Registry } from "./command.ts";
import { registry as commands } from "./registry.ts";
import { programName } from "./program-name.ts";
import { reportError } from "./report.ts";
import { run } from "./run.ts";

/** Runs the command line; sets `process.exitCode`: 0 ok, 1 failed, 2 usage or configuration, 130/143 ended by a signal. */
export async function main(argv: readonly string[], registry: Registry = commands): Promise<void> {
  const controller = new AbortController();
  let ownSignals = false;
  let interrupted: EndingSignal | undefined;
  const onSignal = (name: EndingSignal): void => {
    // The second signal means now.
    if (interrupted !== undefined) process.exit(EXIT_CODE[name]);
    interrupted = name;
    controller.abort(new Error(`ended by ${name}`));
  };
  const onSigint = (): void => onSignal("SIGINT");
  const onSigterm = (): void => onSignal("SIGTERM");
  // Only once a command watches them: Node runs no handler while a command computes, and its default ends the process at once.
  const watchSignals = (): AbortSignal => {
    if (!ownSignals && process.listenerCount("SIGINT", onSigint) === 0) {
      process.on("SIGINT", onSigint);
      process.on("SIGTERM", onSigterm);
    }
    return controller.signal;
  };
  const forgetSignals = (): void => {
    process.off("SIGINT", onSigint);
    process.off("SIGTERM", onSigterm);
  };
  const onPipeError = (error: NodeJS.ErrnoException): void => {
    // A service goes on without its terminal.
    if (ownSignals) return;
    // `gigastt config print | head -1`: the reader has what it wanted.
    if (error.code === "EPIPE") process.exit(0);
    // A full disk under `> FILE`. Synchronous: nothing is written any more once the process ends.
    try {
      writeSync(2, `gigastt: the output cannot be written: ${error.message}\n`);
    } catch {
      // It may be stderr that cannot be written.
    }
    process.exit(1);
  };
  process.stdout.on("error", onPipeError);
  process.stderr.on("error", onPipeError);

  const world = { stderr: process.stderr, env: process.env, version: readVersion };
  try {
    process.exitCode = await run(argv, {
      ...world,
      registry,
      stdin: process.stdin,
      stdout: process.stdout,
      cwd: workingDirectory(),
      get signal() {
        return watchSignals();
      },
      onCommand: (command) => {
        ownSignals = command.ownSignals === true;
      },
    });
  } catch (error) {
    const flags = { "no-color": argv.includes("--no-color") };
    // What a command throws because its signal was aborted needs no message after Ctrl-C.
    process.exitCode =
      interrupted === undefined
        ? await reportError(error, { ...world, flags, program: programName(workingDirectory(), process.env["PATH"]) })
        : EXIT_CODE[interrupted];
  } finally {
    forgetSignals();
  }
}

type EndingSignal = "SIGINT" | "SIGTERM";

/** 128 + the signal's number, as shells count. */
const EXIT_CODE: Readonly<Record<EndingSignal, number>> = { SIGINT: 130, SIGTERM: 143 };

/** The folder may have been deleted under the shell; most commands do not need it. */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return "/";
  }
}
