import type { execaNode as execaNodeOf, execa as execaOf, Options } from "execa";
import { killGroup } from "./process-group.ts";
import { setTimeout } from "../time/timers.ts";

/**
 * Runs external programs: the only file that imports execa. Arguments are arrays and no shell reads them. A secret goes to
 * standard input, because arguments show in the process list.
 */
export interface ProgramOptions {
  /** Then the program is killed with everything it started. */
  readonly timeoutMs: number;
  /** Kills it when aborted. */
  readonly signal?: AbortSignal;
  readonly cwd?: string;
  /** The program's whole environment; default: ours. */
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Longest output, standard output and error each; more ends the program. Default 1 MiB, 0 = output is not read. */
  readonly maxOutputBytes?: number;
}

export interface ProgramEnd {
  /** Undefined when a signal ended it, or it never started. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it failed, as half a sentence: `nginx ended with exit code 1: …`. Undefined after exit code 0. */
  readonly trouble: string | undefined;
  /** There is no such program. */
  readonly isMissing: boolean;
}

/** Runs a program to its end. Never throws for what the program does. */
export async function runProgram(file: string, args: readonly string[], options: ProgramOptions): Promise<ProgramEnd> {
  const { timeoutMs, signal, cwd, env, input, maxOutputBytes = 2 ** 20 } = options;
  const { execa } = await loadExeca();
  const reads = maxOutputBytes > 0;
  const running = execa(file, args, {
    ...launch({ cwd, env }),
    input: input ?? "",
    stdout: reads ? "pipe" : "ignore",
    stderr: reads ? "pipe" : "ignore",
    stripFinalNewline: false,
    encoding: "latin1",
    maxBuffer: Math.max(1, maxOutputBytes),
  });
  let killed: string | undefined;
  const kill = (why: string): void => {
    killed ??= why;
    killGroup(running.pid);
  };
  const onAbort = (): void => kill("was interrupted");
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(() => kill(`did not end within ${timeoutMs / 1000} s`), timeoutMs);
  // What it left running may hold the pipes open; its last lines are read by then.
  running.once("exit", () => {
    setTimeout(() => {
      running.stdout?.destroy();
      running.stderr?.destroy();
    }, LAST_OUTPUT_MS).unref();
  });
  const end = await running;
  clearTimeout(timer);
  signal?.removeEventListener("abort", onAbort);
  if (end.isMaxBuffer) kill(`wrote more than ${maxOutputBytes} bytes`);
  const stderr = utf8(end.stderr);
  const isMissing = end.code === "ENOENT" && running.pid === undefined;
  return {
    exitCode: killed === undefined ? end.exitCode : undefined,
    stdout: utf8(end.stdout),
    stderr,
    trouble: killed !== undefined ? `${file} ${killed}` : troubleOf(file, end, stderr),
    isMissing,
  };
}

/** A Node program of this installation that runs beside this process and talks over IPC. */
export interface Helper {
  readonly pid: number | undefined;
  /** False when it is gone. */
  send(message: object): Promise<boolean>;
  /** Settles when it has ended and its output was read. Never rejects. */
  readonly ended: Promise<HelperEnd>;
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}

export interface HelperEnd {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  /** Why it could not be started at all. */
  readonly startFailure: string | undefined;
  /** The end of what it wrote to standard error. */
  readonly stderr: string;
}

export interface HelperOptions {
  readonly onMessage: (message: unknown) => void;
  readonly args?: readonly string[];
  /** `advanced` carries typed arrays. Default `json`. */
  readonly serialization?: "json" | "advanced";
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly stdin?: "inherit" | "ignore";
}

/** Starts a file of this build with Node. */
export async function startHelper(entry: URL | string, options: HelperOptions): Promise<Helper> {
  const { execaNode } = await loadExeca();
  const child = execaNode(entry, options.args ?? [], {
    ...launch(options),
    detached: false,
    nodeOptions: [],
    serialization: options.serialization ?? "json",
    ipc: true,
    buffer: false,
    stdin: options.stdin ?? "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-KEPT_STDERR_CHARACTERS);
  });
  child.on("message", options.onMessage);
  return {
    pid: child.pid,
    send: async (message) => {
      try {
        // The type names everything that JSON can hold; what is sent has a type of its own.
        await child.sendMessage(message as never);
        return true;
      } catch {
        return false;
      }
    },
    ended: child.then(({ exitCode, signal, code, originalMessage }) => ({
      exitCode,
      signal,
      startFailure: child.pid === undefined ? (originalMessage ?? code ?? "unknown reason") : undefined,
      stderr,
    })),
    kill: (signal) => void child.kill(signal),
  };
}

// ---

const LAST_OUTPUT_MS = 500;
const KEPT_STDERR_CHARACTERS = 4000;

/** Some 22 packages: loaded with the first program, so that commands that run none do not wait for them. */
async function loadExeca(): Promise<{ readonly execa: typeof execaOf; readonly execaNode: typeof execaNodeOf }> {
  return import("execa");
}

/** A group of its own: what the program started is killed with it, and Ctrl-C in the terminal reaches us alone. */
function launch({ cwd, env }: { readonly cwd?: string | undefined; readonly env?: NodeJS.ProcessEnv | undefined }) {
  return {
    reject: false,
    detached: true,
    cleanup: false,
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env, extendEnv: false }),
  } as const satisfies Options;
}

function troubleOf(
  file: string,
  end: {
    readonly exitCode?: number;
    readonly signal?: string;
    readonly code?: string;
    readonly originalMessage?: string;
  },
  stderr: string,
): string | undefined {
  if (end.exitCode === 0) return undefined;
  if (end.code === "ENOENT") return `${file} is not installed`;
  if (end.code === "EACCES") return `${file} cannot be run by this user: permission denied`;
  const how =
    end.signal !== undefined
      ? `was killed by ${end.signal}`
      : end.exitCode === undefined
        ? `cannot be started (${end.originalMessage ?? end.code ?? "unknown reason"})`
        : `ended with exit code ${end.exitCode}`;
  const said = stderr.trim().split("\n").at(-1) ?? "";
  return `${file} ${how}${said === "" ? "" : `: ${said}`}`;
}

/** Read as bytes: execa counts characters, and a limit in bytes must hold for any text. */
function utf8(latin1: string | undefined): string {
  return Buffer.from(latin1 ?? "", "latin1").toString("utf8");
}
