import type { Command } from "../command.ts";
import { operate } from "../control.ts";
import { writeJson } from "../output.ts";
import { STATE_FLAGS } from "../state.ts";

export const command: Command = {
  summary: "Go back to the last configuration that was healthy",
  topic: "run",
  rank: 9,
  flags: { ...STATE_FLAGS, json: { type: "boolean", describe: "answer JSON" } },
  help: "The file as it is now is kept beside it as FILE.before-rollback.",
  run: async (context) => {
    const { result, field } = await operate(context, "rollback");
    if (context.flags["json"] === true) writeJson(context.stdout, result);
    else context.stdout.write(`rolled back (${String(field("effect"))})\n`);
    return 0;
  },
};
