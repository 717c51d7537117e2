import { planLines } from "../../supervisor/config/plan-lines.ts";
import type { Command } from "../command.ts";
import { writeJson } from "../output.ts";
import { callSupervisor } from "../control.ts";
import { findStatePaths, STATE_FLAGS } from "../state.ts";

export const command: Command = {
  summary: "Show what a reload would change, and how",
  topic: "run",
  rank: 7,
  flags: { ...STATE_FLAGS, json: { type: "boolean", describe: "answer JSON" } },
  help: "Compares the configuration on disk with the running one. Changes nothing. Exit code: 0 also when there are differences, 2 when it has problems.",
  aboutService: true,
  run: async (context) => {
    const { controlSocket } = await findStatePaths(context);
    const plan = await callSupervisor(context, {
      socket: controlSocket,
      cmd: "plan",
      timeoutMs: 60_000,
      signal: context.signal,
    });
    if (context.flags["json"] === true) writeJson(context.stdout, plan);
    else context.stdout.write(`${planLines(plan).join("\n")}\n`);
    return 0;
  },
};
