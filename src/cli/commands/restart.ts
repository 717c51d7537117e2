import { callControl } from "../../supervisor/control-client.ts";
import type { Command } from "../command.ts";
import { findStatePaths, STATE_FLAGS } from "../state.ts";

export const command: Command = {
  summary: "Replace the runtime without refusing a connection",
  flags: STATE_FLAGS,
  help:
    "A new runtime loads the model beside the old one and takes over; the old one lets its sessions end. When memory does not allow two,\n" +
    "the old one drains first and new connections wait; that is said. When the new one does not become ready, the old one goes on.",
  run: async (context) => {
    const paths = await findStatePaths(context);
    const result = await callControl({
      socket: paths.controlSocket,
      cmd: "restart",
      timeoutMs: 15 * 60_000,
      signal: context.signal,
      onEvent: (event) => {
        const text: unknown = typeof event === "object" && event !== null ? Reflect.get(event, "progress") : undefined;
        if (typeof text === "string") context.stdout.write(`${text}\n`);
      },
    });
    const field = (key: string): unknown =>
      typeof result === "object" && result !== null ? Reflect.get(result, key) : undefined;
    const how = field("mode") === "handover" ? "handed over" : "restarted";
    context.stdout.write(
      `${how} in ${Math.round(Number(field("tookMs")) / 100) / 10} s, pid ${String(field("pid"))}\n`,
    );
    return 0;
  },
};
