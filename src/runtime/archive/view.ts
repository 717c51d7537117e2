import type { ArchiveEntry, FoundEntry, Hit } from "../../store/archive/types.ts";
import type { Reader } from "./access.ts";

/** Returns what is said of a transcript on the wire. Times are seconds. */
export function entryView(entry: ArchiveEntry, { seesOwners }: Pick<Reader, "seesOwners">): Record<string, unknown> {
  return {
    id: entry.id,
    object: "archive.transcript",
    created_at: entry.createdMs / 1000,
    source: entry.source,
    ...(entry.title === undefined ? {} : { title: entry.title }),
    ...(entry.language === undefined ? {} : { language: entry.language }),
    ...(entry.model === undefined ? {} : { model: entry.model }),
    ...(seesOwners ? { owner: entry.owner } : {}),
    duration: entry.durationS,
    word_count: entry.words,
  };
}

/** Returns a transcript that was found, with its hits. */
export function foundView(found: FoundEntry, reader: Reader): Record<string, unknown> {
  return { ...entryView(found, reader), matches: found.matches, hits: found.hits.map(hitView) };
}

/** Marks are positions in the text, in UTF-16 units; the text is never markup. */
function hitView({ word, startS, endS, text, marks }: Hit): Record<string, unknown> {
  return { word, start: startS, end: endS, text, marks };
}
