import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import { TRANSCRIPT_FORMATS } from "../../shared/protocol.ts";
import { printable } from "../../shared/text/printable.ts";
import { exportTranscript } from "../../shared/transcript/export.ts";
import type { CommandContext } from "../command.ts";
import { choiceOf, UsageError } from "../usage.ts";
import { everyEntry, filtersOf, requireLocal, withArchive } from "./open.ts";
import type { LocalArchive } from "./open.ts";
import { STDIO } from "../args.ts";

/** `gigastt archive export` */
export function exportArchive(context: CommandContext): Promise<number> {
  const { flags, positionals, stdout } = context;
  const [id] = positionals;
  const all = flags["all"];
  if ((id === undefined) === (typeof all !== "string")) {
    throw new UsageError(["Name one transcript by its ID, or all with --all FILE"], ["archive", "export"]);
  }
  return withArchive(context, async (archive) => {
    if (id === undefined) return exportAll(context, archive, String(all));
    const format = choiceOf("--format", String(flags["format"] ?? "txt"), TRANSCRIPT_FORMATS, ["archive", "export"]);
    const { transcripts } = await requireLocal(archive.store, id);
    stdout.write(exportTranscript(transcripts, format, { rules: archive.config.subtitles }));
    return 0;
  });
}

// ---

async function exportAll(context: CommandContext, { store }: LocalArchive, target: string): Promise<number> {
  const filters = filtersOf(context, "export");
  const file = target === STDIO ? undefined : await created(resolve(context.cwd, target));
  let count = 0;
  try {
    for await (const { id } of everyEntry(store, filters)) {
      const entry = await store.get(id);
      // It was deleted in this moment.
      if (entry === undefined) continue;
      const line = `${JSON.stringify(entry)}\n`;
      if (file === undefined) context.stdout.write(line);
      else await file.appendFile(line);
      count++;
    }
    await file?.sync();
  } finally {
    await file?.close();
  }
  if (file !== undefined) context.stdout.write(`${printable(target, 500)}: ${count} transcripts\n`);
  return 0;
}

/** Transcripts are private: the file is its owner's alone, and an old one is not written over. */
async function created(path: string): Promise<Awaited<ReturnType<typeof open>>> {
  try {
    return await open(path, "wx", 0o600);
  } catch (error) {
    throw new GigasttError(
      "GST_OUTPUT",
      `${printable(path, 500)} cannot be created (${messageOf(error)}): choose a new file in a folder that exists`,
      { cause: error },
    );
  }
}
