import type { Command } from "../command.ts";
import { operate, secondsOf } from "../control.ts";
import { writeJson } from "../output.ts";
import { STATE_FLAGS } from "../state.ts";

export const command: Command = {
  summary: "Switch to the new code, model or configuration on disk",
  topic: "run",
  rank: 8,
  flags: { ...STATE_FLAGS, json: { type: "boolean", describe: "answer JSON" } },
  help: "Run it after updating the installation or pulling a model. The new code checks the configuration first; then a runtime of the new code starts beside the old one and takes over when it is healthy. Otherwise the old one keeps serving. The supervisor itself is updated by a restart: `sudo systemctl restart gigastt`, or `gigastt down` and `gigastt up`.",
  aboutService: true,
  run: async (context) => {
    const { result, field } = await operate(context, "upgrade");
    if (context.flags["json"] === true) writeJson(context.stdout, result);
    else
      context.stdout.write(
        `runtime of version ${String(field("version"))} serves after ${secondsOf(field("tookMs"))} (${String(field("mode")).replace("_", " and ")})\n`,
      );
    return 0;
  },
};
