import { printable } from "../../shared/text/printable.ts";
import { clockSeconds } from "../../shared/transcript/clock.ts";
import type { FoundEntry, Hit } from "../../store/archive/types.ts";
import type { CommandContext } from "../command.ts";
import { writeJson } from "../output.ts";
import { UsageError } from "../usage.ts";
import { filtersOf, withArchive } from "./open.ts";

const LARGEST = 10_000;

/** `gigastt archive search` */
export function search(context: CommandContext): Promise<number> {
  const { flags, positionals, stdout } = context;
  const limit = Number(flags["limit"] ?? 50);
  if (!Number.isInteger(limit) || limit < 1 || limit > LARGEST) {
    throw new UsageError([`--limit must be a whole number from 1 to ${LARGEST}`], ["archive", "search"]);
  }
  const { after } = flags;
  if (after !== undefined && !/^\d{1,16}$/.test(String(after))) {
    throw new UsageError(["--after takes the number that the page before ends with"], ["archive", "search"]);
  }
  const filters = filtersOf(context, "search");
  return withArchive(context, async ({ store }) => {
    const { found, hasMore } = await store.search({
      ...filters,
      text: positionals.length === 0 ? undefined : positionals.map(quoted).join(" "),
      before: after === undefined ? undefined : Number(after),
      limit,
      hits: 3,
    });
    if (flags["json"] === true) writeJson(stdout, { found: found.map(foundJson), hasMore });
    else if (found.length === 0) stdout.write("Nothing found.\n");
    else {
      stdout.write(found.map(linesOf).join("\n"));
      if (hasMore) stdout.write(`\nMore: add --after ${found.at(-1)?.order ?? ""}\n`);
    }
    return found.length === 0 ? 1 : 0;
  });
}

/** Returns an entry as `--json` prints it. */
export function foundJson({ title, language, model, ...entry }: FoundEntry): Record<string, unknown> {
  return { ...entry, title: title ?? null, language: language ?? null, model: model ?? null };
}

// ---

/** A phrase keeps its quotes although the shell has taken them: 'red square' is one argument. */
function quoted(argument: string): string {
  return /\s/.test(argument) && !/["«»“”„]/.test(argument) ? `"${argument}"` : argument;
}

function linesOf(entry: FoundEntry): string {
  const at = new Date(entry.createdMs).toISOString().slice(0, 16).replace("T", " ");
  const facts = [entry.id, at, clockSeconds(entry.durationS * 1000), entry.source, entry.owner, entry.title ?? ""];
  const hits = entry.hits.map((hit) => `  ${clockSeconds(hit.startS * 1000)}  ${marked(hit)}\n`);
  const more = entry.matches > marksOf(entry) ? `  and ${entry.matches - marksOf(entry)} more\n` : "";
  return `${printable(facts.filter((fact) => fact !== "").join("  "), 500)}\n${hits.join("")}${more}`;
}

function marksOf({ hits }: FoundEntry): number {
  return hits.reduce((sum, { marks }) => sum + marks.length, 0);
}

/** Between brackets: it works on every terminal and in a pipe. */
function marked({ text, marks }: Hit): string {
  let at = 0;
  const parts = marks.map(([from, to]) => {
    const part = `${text.slice(at, from)}[${text.slice(from, to)}]`;
    at = to;
    return part;
  });
  return printable(parts.join("") + text.slice(at), 1000);
}
