import { setTimeout } from "../../shared/time/timers.ts";
import { startChild } from "./child.ts";
import type { LaunchPlan } from "./child.ts";

export interface RunOptions {
  /** Then it is killed with everything it started. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly onMessage?: (message: unknown) => void;
  /** Sent once it runs. */
  readonly message?: object;
}

export interface RunEnd {
  /** Why it failed, as half a sentence; undefined after exit code 0. */
  readonly trouble: string | undefined;
  readonly lines: readonly string[];
  readonly isMissing: boolean;
}

const KEPT_LINES = 50;

/**
 * Runs a program to its end inside the supervisor's own process. Elsewhere `shared/process/program.ts` does it: here its library
 * would take the supervisor over its memory limit (ADR 0037).
 */
export async function runChild(plan: LaunchPlan, options: RunOptions): Promise<RunEnd> {
  const lines: string[] = [];
  let killed: string | undefined;
  let started;
  try {
    started = await startChild(plan, {
      onLine: (line) => {
        lines.push(line);
        if (lines.length > KEPT_LINES) lines.shift();
      },
      onMessage: options.onMessage ?? (() => {}),
    });
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    const why = isMissing ? "is not installed" : `cannot be started (${String(error)})`;
    return { trouble: `${plan.file} ${why}`, lines, isMissing };
  }
  const child = started;
  const kill = (why: string): void => {
    killed ??= why;
    child.kill();
  };
  const onAbort = (): void => kill("was interrupted");
  options.signal?.addEventListener("abort", onAbort, { once: true });
  if (options.signal?.aborted === true) onAbort();
  const timer = setTimeout(() => kill(`did not end within ${options.timeoutMs / 1000} s`), options.timeoutMs);
  if (options.message !== undefined) void child.send(options.message);
  const { code, signal } = await child.exited;
  clearTimeout(timer);
  options.signal?.removeEventListener("abort", onAbort);
  const how = killed ?? (code === 0 ? undefined : `ended with ${signal ?? `exit code ${code}`}`);
  return { trouble: how === undefined ? undefined : `${plan.file} ${how}`, lines, isMissing: false };
}
