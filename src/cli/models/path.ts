import { inspectModel } from "../../models/locate.ts";
import { folderOf } from "../../models/locate.ts";
import type { CommandContext } from "../command.ts";
import { writeJson } from "../output.ts";
import { loadModelsWorld, namedModel } from "./common.ts";

/** `gigastt models path [MODEL]`: where the models are, or where one of them is or will be. */
export async function path(context: CommandContext): Promise<number> {
  const { registry, baseDir } = await loadModelsWorld(context);
  const entry = namedModel(context, registry);
  const found = entry ? (await inspectModel(entry, baseDir)).find(({ state }) => state === "complete")?.dir : undefined;
  const dir = entry ? (found ?? folderOf(entry, baseDir)) : baseDir;
  if (context.flags["json"] === true)
    writeJson(context.stdout, { dir, model: entry?.id ?? null, complete: entry ? found !== undefined : null });
  else context.stdout.write(`${dir}\n`);
  return 0;
}
