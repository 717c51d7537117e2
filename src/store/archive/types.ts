import type { FormattableTranscript } from "../../shared/transcript/transcript.ts";

export const ARCHIVE_SOURCES = ["job", "request", "session", "import"] as const;
export type ArchiveSource = (typeof ARCHIVE_SOURCES)[number];

/** What is known of an archived transcript. */
export interface ArchiveEntry {
  readonly id: string;
  /** When the recording came; Unix milliseconds. */
  readonly createdMs: number;
  readonly owner: string;
  readonly source: ArchiveSource;
  /** Given by the client. */
  readonly title: string | undefined;
  /** ISO 639-1. */
  readonly language: string | undefined;
  readonly model: string | undefined;
  /** Seconds. */
  readonly durationS: number;
  readonly words: number;
}

export interface NewEntry extends Omit<ArchiveEntry, "durationS" | "words"> {
  /** Several are the channels of one recording. */
  readonly transcripts: readonly FormattableTranscript[];
}

export interface ArchivedTranscript extends ArchiveEntry {
  readonly transcripts: readonly FormattableTranscript[];
}

/** A place where a search is met. */
export interface Hit {
  /** Number of its first word, over all channels. */
  readonly word: number;
  /** Seconds, of the first and the last word that was asked for. */
  readonly startS: number;
  readonly endS: number;
  /** The words around it. */
  readonly text: string;
  /** From and to of what was asked for, in UTF-16 units of the text. Never markup: the reader decides how to show it. */
  readonly marks: readonly (readonly [number, number])[];
}

export interface FoundEntry extends ArchiveEntry {
  /** Unique, by time: what comes before a larger one is older. */
  readonly order: number;
  readonly hits: readonly Hit[];
  /** How many places there are, those that are not listed included. */
  readonly matches: number;
}

export interface ArchiveQuery {
  /** What a person typed. Undefined = everything. */
  readonly text?: string | undefined;
  readonly owner?: string | undefined;
  readonly source?: ArchiveSource | undefined;
  /** Inclusive. */
  readonly fromMs?: number | undefined;
  /** Exclusive. */
  readonly toMs?: number | undefined;
  /** Only what is older than the entry of this order. */
  readonly before?: number | undefined;
  readonly limit: number;
  /** Places to list of each transcript. */
  readonly hits: number;
}

export interface ArchiveStats {
  readonly transcripts: number;
  readonly audioS: number;
}

/** `known`: its id is there already. `removed`: it was deleted, and does not come back by itself. */
export type AddOutcome = "added" | "known" | "removed";

/**
 * Transcripts that can be searched, newest first. Every engine passes the suite in test/contract/archive-store.ts.
 * A method that resolves has made its change durable.
 */
export interface ArchiveStore {
  add(entry: NewEntry): Promise<AddOutcome>;
  search(query: ArchiveQuery): Promise<{ readonly found: readonly FoundEntry[]; readonly hasMore: boolean }>;
  get(id: string): Promise<ArchivedTranscript | undefined>;
  /** False when there is none. */
  remove(id: string): Promise<boolean>;
  /** Which of these ids were added before, or removed. */
  settled(ids: readonly string[]): Promise<readonly string[]>;
  /** Deletes the oldest ones from before that time, at most so many. Returns how many. */
  expire(beforeMs: number, most: number): Promise<number>;
  /** Drops a part of what deleted transcripts left in the index. False when nothing is left. */
  compact(): Promise<boolean>;
  stats(): Promise<ArchiveStats>;
  close(): Promise<void>;
}
