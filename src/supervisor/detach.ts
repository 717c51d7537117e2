import { spawn } from "node:child_process";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { openStateDir } from "./state/state-dir.ts";
import type { StatePaths } from "./state/state-dir.ts";

/** What the detached supervisor reports to the command that started it, once. */
export interface StartReport {
  readonly ok: boolean;
  readonly text: string;
}

/**
 * Starts the same program in a session of its own and waits for its start to be decided. What it prints goes to
 * `logs/console.log`, as it has no terminal.
 *
 * @param argv program and arguments after Node's own path
 */
export async function startDetached(options: {
  readonly argv: readonly string[];
  readonly paths: StatePaths;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly signal: AbortSignal;
}): Promise<StartReport & { readonly pid: number | undefined }> {
  await openStateDir(options.paths);
  const console = await open(join(options.paths.logsDir, "console.log"), "w", 0o600);
  try {
    const child = spawn(process.execPath, options.argv, {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      stdio: ["ignore", console.fd, console.fd, "ipc"],
    });
    return await new Promise((resolve, reject) => {
      const leave = (report: StartReport): void => {
        options.signal.removeEventListener("abort", onAbort);
        if (child.connected) child.disconnect();
        child.unref();
        resolve({ ...report, pid: child.pid });
      };
      const onAbort = (): void => {
        child.kill("SIGTERM");
        leave({ ok: false, text: "gigastt: interrupted; the supervisor that was starting is stopping" });
      };
      options.signal.addEventListener("abort", onAbort);
      child.once("error", reject);
      child.on("message", (message) => {
        if (isStartReport(message)) leave(message);
      });
      child.once("exit", (code, signal) => {
        leave({
          ok: false,
          text: `gigastt: the supervisor ended before it was ready (${signal ?? `exit code ${code ?? "unknown"}`}): see ${join(options.paths.logsDir, "console.log")}`,
        });
      });
    });
  } finally {
    await console.close();
  }
}

/** The other end: reports to the waiting command, if there is one, and lets go of it. */
export function reportStart(report: StartReport): void {
  if (process.send === undefined || !process.connected) return;
  process.send(report, () => {
    if (process.connected) process.disconnect();
  });
}

function isStartReport(value: unknown): value is StartReport {
  return (
    typeof value === "object" &&
    value !== null &&
    "ok" in value &&
    typeof value.ok === "boolean" &&
    "text" in value &&
    typeof value.text === "string"
  );
}
