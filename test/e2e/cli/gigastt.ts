import { type ChildProcess, spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const LAUNCHER = fileURLToPath(new URL("../../../bin/gigastt.js", import.meta.url));
export const FIXTURES: string = fileURLToPath(new URL("../../fixtures/", import.meta.url));

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** File for standard input; nothing by default. */
  readonly stdin?: string;
}

/** The real command line in a process of its own. */
export function startGigastt(
  args: readonly string[],
  options: RunOptions = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    cwd: options.cwd ?? "/",
    env: { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", ...options.env },
    stdio: [options.stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  if (options.stdin !== undefined && child.stdin) {
    child.stdin.on("error", () => undefined);
    createReadStream(options.stdin).pipe(child.stdin);
  }
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<Ended>((resolve) => child.on("close", (code) => resolve({ code, stdout, stderr })));
  return { child, ended };
}

export function gigastt(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return startGigastt(args, options).ended;
}
