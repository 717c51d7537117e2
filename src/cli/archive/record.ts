import { isObject, parseObject } from "../../shared/text/json-object.ts";
import type { FormattableTranscript, TimedWord } from "../../shared/transcript/transcript.ts";

/** A transcript in a file, as far as it says what it is. */
export interface ImportedRecord {
  readonly id: string | undefined;
  readonly owner: string | undefined;
  readonly source: string | undefined;
  readonly title: string | undefined;
  readonly language: string | undefined;
  readonly model: string | undefined;
  readonly createdMs: number | undefined;
  readonly transcripts: readonly FormattableTranscript[];
}

/** Returns the transcript of a line of `archive export --all`, or of an answer of `/v1/transcribe`; undefined for everything else. */
export function recordOf(json: string): ImportedRecord | undefined {
  const record = parseObject(json);
  if (record === undefined) return undefined;
  const transcripts = transcriptsOf(record);
  if (transcripts === undefined) return undefined;
  const { createdMs } = record;
  return {
    id: textOf(record["id"], 100),
    owner: textOf(record["owner"], 300),
    source: textOf(record["source"], 20),
    title: textOf(record["title"], 200),
    language: textOf(record["language"], 20),
    model: textOf(record["model"], 200),
    createdMs: typeof createdMs === "number" && createdMs >= 0 && createdMs < 8.64e15 ? createdMs : undefined,
    transcripts,
  };
}

// ---

function transcriptsOf(record: Readonly<Record<string, unknown>>): readonly FormattableTranscript[] | undefined {
  // Of several channels, each is one.
  const listed = record["transcripts"] ?? record["channels"] ?? [record];
  if (!Array.isArray(listed) || listed.length === 0 || listed.length > 64) return undefined;
  const transcripts = listed.map(transcriptOf);
  return transcripts.every((transcript) => transcript !== undefined) ? transcripts : undefined;
}

function transcriptOf(value: unknown): FormattableTranscript | undefined {
  if (!isObject(value)) return undefined;
  const { text, words = [], durationS, duration, confidence } = value;
  if (typeof text !== "string" || !Array.isArray(words)) return undefined;
  const timed = words.map(wordOf);
  if (!timed.every((word) => word !== undefined)) return undefined;
  const seconds = durationS ?? duration;
  return {
    text,
    words: timed,
    durationS: isSeconds(seconds) ? seconds : Math.max(0, ...timed.slice(-1).map(({ end }) => end)),
    ...(typeof confidence === "number" ? { confidence } : {}),
  };
}

function wordOf(value: unknown): TimedWord | undefined {
  if (!isObject(value)) return undefined;
  const { word, start, end, confidence } = value;
  if (typeof word !== "string" || !isSeconds(start) || !isSeconds(end)) return undefined;
  return { word, start, end, ...(typeof confidence === "number" ? { confidence } : {}) };
}

function isSeconds(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value < 1e9;
}

function textOf(value: unknown, longest: number): string | undefined {
  return typeof value === "string" && value !== "" && value.length <= longest ? value : undefined;
}
