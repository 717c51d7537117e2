import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat, statfs } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { createInterface } from "node:readline";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import { printable } from "../../shared/text/printable.ts";
import { ARCHIVE_SOURCES } from "../../store/archive/types.ts";
import type { NewEntry } from "../../store/archive/types.ts";
import type { CommandContext } from "../command.ts";
import { writeJson } from "../output.ts";
import { UsageError } from "../usage.ts";
import { momentOf, withArchive } from "./open.ts";
import { recordOf } from "./record.ts";

/** What the flags say of transcripts that do not say it themselves. */
interface Defaults {
  readonly owner: string;
  readonly title: string | undefined;
  readonly createdMs: number | undefined;
}

/** A line with an hour has less than a megabyte. */
const LONGEST_LINE = 64 * 2 ** 20;

/** `gigastt archive import`: every file is tried; exit code 1 when one could not be read. */
export function importArchive(context: CommandContext): Promise<number> {
  const { flags, positionals, cwd, stdout, stderr } = context;
  if (positionals.length === 0) throw new UsageError(["Missing argument: FILE"], ["archive", "import"]);
  const text = (name: string): string | undefined => (typeof flags[name] === "string" ? flags[name] : undefined);
  const defaults: Defaults = {
    owner: text("owner") ?? "import",
    title: text("title"),
    createdMs: momentOf("date", text("date"), "import"),
  };
  return withArchive(
    context,
    async ({ store, config, dir }) => {
      const results: { file: string; added: number; known: number; problem: string | null }[] = [];
      for (const file of positionals) {
        const result = { file, added: 0, known: 0, problem: null as string | null };
        results.push(result);
        try {
          for await (const entry of entriesIn(resolve(cwd, file), defaults)) {
            await requireRoom(dir, config.archive.diskReserveBytes);
            if ((await store.add(entry)) === "added") result.added++;
            else result.known++;
          }
        } catch (error) {
          result.problem = messageOf(error);
        }
      }
      if (flags["json"] === true) writeJson(stdout, results);
      else {
        for (const { file, added, known, problem } of results) {
          stdout.write(`${printable(file, 300)}: ${added} added, ${known} already there\n`);
          if (problem !== null) stderr.write(`${printable(file, 300)}: ${printable(problem, 1000)}\n`);
        }
      }
      return results.some(({ problem }) => problem !== null) ? 1 : 0;
    },
    { makes: true },
  );
}

// ---

async function requireRoom(dir: string | undefined, reserveBytes: number): Promise<void> {
  if (dir === undefined) return;
  const { bavail, bsize } = await statfs(dir);
  if (bavail * bsize >= reserveBytes) return;
  throw new GigasttError(
    "GST_STORE_FULL",
    `${dir} has less free space than archive.diskReserve. Free some space and import again: what was added stays`,
  );
}

/** A line is a transcript; a file that is one JSON value over several lines is one. */
async function* entriesIn(path: string, defaults: Defaults): AsyncGenerator<NewEntry> {
  const { mtimeMs } = await stat(path);
  const entry = (text: string): NewEntry => {
    const record = recordOf(text);
    if (record === undefined)
      throw new Error("not a transcript: JSON with text and words, or lines of archive export --all");
    const { owner, title, createdMs, source } = record;
    return {
      // The same transcript has the same id: an import that is repeated adds nothing.
      id: record.id ?? `import-${createHash("sha256").update(text).digest("hex").slice(0, 32)}`,
      createdMs: createdMs ?? defaults.createdMs ?? mtimeMs,
      owner: owner ?? defaults.owner,
      source: ARCHIVE_SOURCES.find((known) => known === source) ?? "import",
      title: title ?? defaults.title ?? basename(path),
      language: record.language,
      model: record.model,
      transcripts: record.transcripts,
    };
  };
  let lines = 0;
  let size = 0;
  const whole: string[] = [];
  for await (const line of createInterface({ input: createReadStream(path, "utf8"), crlfDelay: Infinity })) {
    lines++;
    size += line.length;
    if (line.length > LONGEST_LINE || (whole.length > 0 && size > LONGEST_LINE))
      throw new Error(`line ${lines} is too long`);
    if (line.trim() === "") continue;
    if (whole.length > 0 || (lines === 1 && recordOf(line) === undefined)) {
      whole.push(line);
      continue;
    }
    try {
      yield entry(line);
    } catch (error) {
      throw new Error(`line ${lines}: ${messageOf(error)}`, { cause: error });
    }
  }
  if (whole.length > 0) yield entry(whole.join("\n"));
}
