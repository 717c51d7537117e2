import type { Command } from "../command.ts";
import { operate } from "../control.ts";
import { writeJson } from "../output.ts";
import { STATE_FLAGS } from "../state.ts";

export const command: Command = {
  summary: "Apply the changed configuration to the running service",
  topic: "run",
  rank: 6,
  flags: { ...STATE_FLAGS, json: { type: "boolean", describe: "answer JSON" } },
  help: "The new configuration is checked first: with any problem, all are shown and nothing changes. Then each changed key is applied by its class (`gigastt config explain KEY`): live, hand-over or restart. If the new runtime is not healthy, the old configuration is restored.",
  aboutService: true,
  run: async (context) => {
    const { result, field } = await operate(context, "reload");
    if (context.flags["json"] === true) writeJson(context.stdout, result);
    else
      context.stdout.write(
        field("effect") === "none"
          ? "nothing to do: the service already runs with this configuration\n"
          : `applied (${String(field("effect"))})\n`,
      );
    return 0;
  },
};
