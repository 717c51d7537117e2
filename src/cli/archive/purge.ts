import { GigasttError } from "../../shared/errors.ts";
import { askYes, canAsk } from "../yes.ts";
import type { CommandContext } from "../command.ts";
import { writeJson } from "../output.ts";
import { UsageError } from "../usage.ts";
import { everyEntry, filtersOf, withArchive } from "./open.ts";

/** `gigastt archive purge`: exit code 1 when an id is not there. */
export function purge(context: CommandContext): Promise<number> {
  const { flags, positionals, stdout, stderr } = context;
  const filters = filtersOf(context, "purge");
  const isFiltered = flags["all"] === true || Object.values(filters).some((filter) => filter !== undefined);
  if (positionals.length > 0 === isFiltered) {
    throw new UsageError(
      ["Name transcripts by ID, or select them with --owner, --source, --from, --to or --all"],
      ["archive", "purge"],
    );
  }
  return withArchive(context, async ({ store }) => {
    const ids = [...positionals];
    if (isFiltered) for await (const { id } of everyEntry(store, filters)) ids.push(id);
    if (isFiltered && ids.length > 0 && flags["yes"] !== true) await requireYes(context, ids.length);
    const missing: string[] = [];
    for (const id of ids) {
      const isThere = (await store.get(id)) !== undefined;
      if (!isThere || !(await store.remove(id))) missing.push(id);
    }
    while (await store.compact());
    if (flags["json"] === true) writeJson(stdout, { deleted: ids.length - missing.length, missing });
    else {
      stdout.write(`${ids.length - missing.length} transcripts deleted\n`);
      for (const id of missing) stderr.write(`no archived transcript has the id ${id}\n`);
    }
    return missing.length > 0 ? 1 : 0;
  });
}

async function requireYes(context: CommandContext, count: number): Promise<void> {
  if (canAsk(context)) {
    if (await askYes(context, `Delete ${count} transcripts?`)) return;
    throw new GigasttError("GST_ARCHIVE_KEPT", "nothing was deleted");
  }
  throw new GigasttError("GST_ARCHIVE_KEPT", `nothing was deleted: add --yes to delete ${count} transcripts`);
}
