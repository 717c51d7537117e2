import { errorCodeOf, messageOf, WireError } from "../../shared/errors.ts";
import { MOMENT_RULE, parseMoment } from "../../store/archive/moment.ts";
import { parseQuestion, QUESTION_REFUSED } from "../../store/archive/question.ts";
import { ARCHIVE_SOURCES } from "../../store/archive/types.ts";
import type { ArchiveQuery, ArchiveSource } from "../../store/archive/types.ts";
import type { Reader } from "./access.ts";

export const PAGE = 50;
export const LARGEST_PAGE = 200;
const HITS = 3;
export const MOST_HITS = 100;

/** Returns what a request asks for, within what its reader may see. */
export function archiveQuery(query: URLSearchParams, reader: Reader): ArchiveQuery {
  return {
    text: question(query.get("q")),
    owner: ownerAsked(query.get("owner"), reader),
    source: sourceOf(query.get("source")),
    fromMs: moment(query, "from"),
    toMs: moment(query, "to"),
    before: cursorOf(query.get("after")),
    limit: whole(query, "limit", 1, LARGEST_PAGE) ?? PAGE,
    hits: whole(query, "hits", 0, MOST_HITS) ?? HITS,
  };
}

/** Returns the cursor behind an entry. */
export function cursorAfter(order: number): string {
  return Buffer.from(String(order)).toString("base64url");
}

// ---

function question(text: string | null): string | undefined {
  if (text === null) return undefined;
  try {
    parseQuestion(text);
  } catch (error) {
    if (errorCodeOf(error) !== QUESTION_REFUSED) throw error;
    throw new WireError("bad_request", messageOf(error), { param: "q", cause: error });
  }
  return text;
}

function ownerAsked(asked: string | null, { owner, seesOwners }: Reader): string | undefined {
  if (asked === null) return owner;
  if (!seesOwners || owner !== undefined) {
    throw new WireError("insufficient_scope", "owner is for API keys with the scope admin", { param: "owner" });
  }
  return asked;
}

function sourceOf(text: string | null): ArchiveSource | undefined {
  if (text === null) return undefined;
  const source = ARCHIVE_SOURCES.find((known) => known === text);
  if (source !== undefined) return source;
  throw new WireError("bad_request", `source must be one of ${ARCHIVE_SOURCES.join(", ")}`, { param: "source" });
}

function moment(query: URLSearchParams, name: "from" | "to"): number | undefined {
  const text = query.get(name);
  const ms = text === null ? undefined : parseMoment(text, name);
  if (text === null || ms !== undefined) return ms;
  throw new WireError("bad_request", `${name} ${MOMENT_RULE}`, { param: name });
}

function whole(query: URLSearchParams, name: string, least: number, most: number): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new WireError("bad_request", `${name} must be a whole number from ${least} to ${most}`, { param: name });
}

function cursorOf(text: string | null): number | undefined {
  if (text === null) return undefined;
  const order = Buffer.from(text, "base64url").toString();
  if (/^\d{1,16}$/.test(order)) return Number(order);
  throw new WireError("bad_request", "after must be the next of an earlier page", { param: "after" });
}
