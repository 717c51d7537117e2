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

async function show(context: CommandContext, status: unknown): Promise<number> {
  const { isStatusReport } = await import("../../supervisor/status/status.ts");
  if (!isStatusReport(status))
    throw new GigasttError("GST_CONTROL", "the running supervisor speaks another version: restart it with this one");
  if (context.flags["json"] === true) {
    context.stdout.write(`${JSON.stringify(status, undefined, 2)}\n`);
  } else {
    const { careLines, statusLines } = await import("../../supervisor/status/view.ts");
    const { printableLine } = await import("../../shared/text/printable.ts");
    const { supervisor, config } = status;
    const lines = [
      ...statusLines(status),
      `  config    ${config.path ?? "defaults"}, ${config.hash.slice(0, 12)}, loaded ${config.loadedAt}`,
      ...careLines(status),
      `  state     ${supervisor.stateDir}, supervisor pid ${supervisor.pid}, since ${supervisor.startedAt}`,
    ];
    context.stdout.write(`${lines.map(printableLine).join("\n")}\n`);
  }
  return status.overall === "ok" || status.overall === "degraded" ? 0 : 1;
}
