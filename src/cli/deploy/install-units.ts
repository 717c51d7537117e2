import { readFile, rm } from "node:fs/promises";
import { writeFileAtomic } from "../../shared/files.ts";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import { runProgram } from "../../shared/process/program.ts";
import type { ServicePlan } from "../../supervisor/install/service-files.ts";

/** Longer than a model load and a drain together: `systemctl restart` returns when the service is ready. */
const STEP_TIMEOUT_MS = 15 * 60_000;
/** useradd says 9 when the user exists: that is what was wanted. */
const USER_EXISTS = 9;

/**
 * Writes the files and runs the commands, or leaves the machine as it was: when a step fails, earlier files come back, new ones go, and
 * a service that ran before runs again.
 */
export async function installUnits(plan: ServicePlan, say: (line: string) => void, signal: AbortSignal): Promise<void> {
  const before = await Promise.all(
    plan.files.map(async ({ path, mode }) => ({
      path,
      mode,
      text: await readFile(path, "utf8").catch(() => undefined),
    })),
  );
  const undo: (() => Promise<void>)[] = [];
  try {
    for (const { path, text, mode } of plan.files) {
      const old = before.find((file) => file.path === path);
      undo.unshift(() => putBack(path, mode, old?.text));
      await writeFileAtomic(path, text, { mode, makeFolder: true });
      say(`wrote ${path}`);
    }
    for (const words of plan.commands) {
      const [file = "", ...args] = words;
      const { exitCode, trouble } = await runProgram(file, args, { timeoutMs: STEP_TIMEOUT_MS, signal });
      if (trouble !== undefined && !(file === "useradd" && exitCode === USER_EXISTS))
        throw new Error(`"${words.join(" ")}" failed: ${trouble}`);
      if (file === "useradd" && exitCode === 0) undo.unshift(() => quietly("userdel", [args.at(-1) ?? ""]));
      say(`ran ${words.join(" ")}`);
    }
  } catch (error) {
    const log = await runProgram(
      "journalctl",
      ["--unit", "gigastt", "--lines", "15", "--output", "cat", "--no-pager"],
      {
        timeoutMs: 10_000,
      },
    );
    const ranBefore = before.some(({ path, text }) => path.endsWith("/gigastt.service") && text !== undefined);
    if (!ranBefore) for (const [file = "", ...args] of plan.undo) await quietly(file, args);
    for (const step of undo) await step();
    await quietly("systemctl", ["daemon-reload"]);
    if (ranBefore) await quietly("systemctl", ["restart", "gigastt.service"]);
    else await quietly("systemctl", ["reset-failed", "gigastt.service"]);
    throw new GigasttError(
      "GST_SERVICE_STEP",
      `${messageOf(error)}. ${ranBefore ? "The previous service has been restored" : "Nothing was left installed"}.${log.stdout.trim() === "" ? "" : ` Its last lines:\n${log.stdout.trimEnd()}`}`,
      { cause: error },
    );
  }
}

// ---

async function putBack(path: string, mode: number, text: string | undefined): Promise<void> {
  if (text === undefined) await rm(path, { force: true });
  else await writeFileAtomic(path, text, { mode });
}

async function quietly(file: string, args: readonly string[]): Promise<void> {
  await runProgram(file, args, { timeoutMs: STEP_TIMEOUT_MS });
}
