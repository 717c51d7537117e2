import { ROUTES } from "../../shared/protocol.ts";
import type { TimedText, TimedWord } from "../../shared/transcript/transcript.ts";
import { at } from "./address.ts";
import { WireFailure } from "./events.ts";

/** A place where a search was met. `marks` are positions in `text`. */
export interface ArchiveHit {
  readonly start: number;
  readonly text: string;
  readonly marks: readonly (readonly [number, number])[];
}

export interface ArchiveItem {
  readonly id: string;
  readonly created_at: number;
  readonly source: string;
  readonly title?: string;
  readonly owner?: string;
  readonly duration: number;
  readonly matches: number;
  readonly hits: readonly ArchiveHit[];
}

export interface ArchivePageOf {
  readonly data: readonly ArchiveItem[];
  readonly has_more: boolean;
  readonly next?: string;
}

export interface ArchivedText extends Omit<ArchiveItem, "hits" | "matches"> {
  readonly text: string;
  readonly words: readonly TimedWord[];
  readonly segments: readonly TimedText[];
}

/** Returns a page of what was found, newest first; without a question of everything. Throws the refusal. */
export function findArchived(question: string, after: string | undefined): Promise<ArchivePageOf> {
  const query = new URLSearchParams(question.trim() === "" ? {} : { q: question });
  if (after !== undefined) query.set("after", after);
  return ask(`${ROUTES.archive.path}?${query}`);
}

export function readArchived(id: string): Promise<ArchivedText> {
  return ask(`${entryPath(id)}?segments=true`);
}

export async function deleteArchived(id: string): Promise<void> {
  const answer = await fetch(at(entryPath(id)), { method: "DELETE" });
  if (!answer.ok && answer.status !== 404) throw await failureOf(answer);
}

/** Returns where a browser downloads it as a file. */
export function archivedFile(id: string, format: string, name: string): string {
  return `${at(entryPath(id))}?${new URLSearchParams({ format, download: `${name.slice(0, 100)}.${format}` })}`;
}

// ---

function entryPath(id: string): string {
  return ROUTES.archiveEntry.path.replace("{id}", encodeURIComponent(id));
}

async function ask<T>(path: string): Promise<T> {
  const answer = await fetch(at(path));
  if (!answer.ok) throw await failureOf(answer);
  return (await answer.json()) as T; // our own server's
}

async function failureOf(answer: Response): Promise<WireFailure> {
  const { error = "", code } = (await answer.json().catch(() => ({}))) as { error?: string; code?: string }; // our own server's
  return new WireFailure(error, code);
}
