import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { ConsoleHistory } from "../../shared/console-status.ts";
import type { StatusReport } from "../../supervisor/status/status.ts";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import type { Command, CommandContext } from "../command.ts";
import { callSupervisor } from "../control.ts";
import { findStatePaths, STATE_FLAGS } from "../state.ts";
import { setTimeout } from "../../shared/time/timers.ts";

export const command: Command = {
  summary: "Show what is running, its health and what to do",
  topic: "run",
  rank: 3,
  flags: {
    ...STATE_FLAGS,
    json: { type: "boolean", describe: "answer JSON" },
    watch: { type: "boolean", short: "w", describe: "refresh every second until Ctrl-C" },
    html: { type: "string", value: "FILE", describe: "write a page with charts of the last day to FILE instead" },
  },
  help: "Exit code: 0 when it serves, 1 when it does not.",
  aboutService: true,
  run: async (context) => {
    const paths = await findStatePaths(context);
    if (context.flags["watch"] === true) return watch(context, paths.controlSocket);
    let status: unknown;
    try {
      status = await callSupervisor(context, {
        socket: paths.controlSocket,
        cmd: "status",
        timeoutMs: 5000,
        signal: context.signal,
      });
    } catch (error) {
      if (!(error instanceof GigasttError) || error.code !== "GST_NOT_RUNNING" || context.flags["json"] !== true)
        throw error;
      context.stdout.write(
        `${JSON.stringify({ format: 1, overall: "down", supervisor: null, stateDir: paths.dir }, undefined, 2)}\n`,
      );
      return 1;
    }
    if (typeof context.flags["html"] === "string") return writePage(context, status, paths.controlSocket);
    return show(context, status);
  },
};

// ---

async function watch(context: CommandContext, socket: string): Promise<number> {
  const canClear = context.stdout.isTTY === true && context.env["TERM"] !== "dumb" && context.flags["json"] !== true;
  const clear = canClear ? "\u001b[H\u001b[J" : "";
  let code = 1;
  while (!context.signal.aborted) {
    try {
      const status = await callSupervisor(context, { socket, cmd: "status", timeoutMs: 5000 });
      context.stdout.write(clear);
      code = await show(context, status);
    } catch (error) {
      context.stdout.write(`${clear}${messageOf(error)}\n`);
      code = 1;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 1000);
      context.signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
  return code;
}

async function writePage(context: CommandContext, status: unknown, socket: string): Promise<number> {
  const { statusPage } = await import("../pages/status-page.ts");
  const history = await callSupervisor(context, { socket, cmd: "series", args: { range: "24h" }, timeoutMs: 10_000 });
  const file = resolve(context.cwd, String(context.flags["html"]));
  const report = await reportOf(status);
  await writeFile(file, statusPage(report, history as ConsoleHistory)); // as the supervisor of the same version answers
  context.stderr.write(`wrote ${file}\n`);
  return codeOf(report);
}

async function show(context: CommandContext, status: unknown): Promise<number> {
  const report = await reportOf(status);
  if (context.flags["json"] === true) {
    context.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  } else {
    const { detailLines } = await import("../pages/status-page.ts");
    context.stdout.write(`${detailLines(report).join("\n")}\n`);
  }
  return codeOf(report);
}

async function reportOf(status: unknown): Promise<StatusReport> {
  const { isStatusReport } = await import("../../supervisor/status/status.ts");
  if (isStatusReport(status)) return status;
  throw new GigasttError("GST_CONTROL", "the running supervisor speaks another version: restart it with this one");
}

function codeOf({ overall }: StatusReport): number {
  return overall === "ok" || overall === "degraded" ? 0 : 1;
}
