import { printable } from "../../shared/text/printable.ts";
import { exportTranscript } from "../../shared/transcript/export.ts";
import type { CommandContext } from "../command.ts";
import { table, writeJson } from "../output.ts";
import { requireLocal, withArchive } from "./open.ts";

/** `gigastt archive show` */
export function show(context: CommandContext): Promise<number> {
  return withArchive(context, async ({ store }) => {
    const found = await requireLocal(store, context.positionals[0] ?? "");
    if (context.flags["json"] === true) {
      writeJson(context.stdout, {
        ...found,
        title: found.title ?? null,
        language: found.language ?? null,
        model: found.model ?? null,
      });
      return 0;
    }
    const rows: string[][] = [
      ["id", found.id],
      ["title", found.title ?? ""],
      ["recorded", new Date(found.createdMs).toISOString()],
      ["source", found.source],
      ["owner", found.owner],
      ["model", [found.model, found.language].filter((part) => part !== undefined).join(", ")],
      ["audio", `${Math.round(found.durationS)} s, ${found.words} words`],
    ];
    const shown = rows
      .filter(([, value]) => value !== "")
      .map(([name, value = ""]) => [name ?? "", printable(value, 500)]);
    context.stdout.write(`${table(shown)}\n\n${exportTranscript(found.transcripts, "txt")}`);
    return 0;
  });
}
