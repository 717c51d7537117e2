import type { Command } from "../command.ts";
import { operate, secondsOf } from "../control.ts";
import { writeJson } from "../output.ts";
import { STATE_FLAGS } from "../state.ts";

export const command: Command = {
  summary: "Replace the runtime without refusing a connection",
  topic: "run",
  rank: 5,
  flags: { ...STATE_FLAGS, json: { type: "boolean", describe: "answer JSON" } },
  help: "A new runtime loads the model beside the old one and takes over; the old one lets its sessions end. If memory is too small for two, the old one drains first while new connections wait, and the command says so. If the new one does not become ready, the old one keeps serving.",
  aboutService: true,
  run: async (context) => {
    const { result, field } = await operate(context, "restart");
    if (context.flags["json"] === true) writeJson(context.stdout, result);
    else
      context.stdout.write(
        `${field("mode") === "handover" ? "handed over" : "restarted"} in ${secondsOf(field("tookMs"))}, pid ${String(field("pid"))}\n`,
      );
    return 0;
  },
};
