import type { HeaderlessFormat, TranscribeOptions } from "../../../engine/contract.ts";
import { WireError } from "../../../shared/errors.ts";
import { requireHotWords } from "../../../shared/hot-words.ts";
import type { HotWord } from "../../../shared/hot-words.ts";
import { TRANSCRIPT_FORMATS } from "../../../shared/protocol.ts";
import type { TranscriptFormat } from "../../../shared/protocol.ts";
import type { SubtitleRules } from "../../../shared/transcript/subtitle-rules.ts";
import { oneLine } from "../../../shared/transcript/transcript.ts";

/** The query of `POST /v1/transcribe`, checked. */
export interface TranscribeQuery {
  readonly format: TranscriptFormat;
  /** File name for `Content-Disposition`; undefined = shown in place. */
  readonly download: string | undefined;
  /** What the request sets of the configured layout of subtitles. */
  readonly subtitles: Partial<SubtitleRules>;
  readonly karaoke: boolean;
  readonly segments: boolean;
  readonly channels: "mix" | "split";
  readonly headerless: HeaderlessFormat | undefined;
  /** Number or language of one of several audio tracks. */
  readonly track: string | undefined;
  readonly hotWords: readonly HotWord[];
  /** Refuse audio that is cut or damaged instead of transcribing what is there. */
  readonly strict: boolean;
  /** Event streams only: events of type `progress` between the others. */
  readonly progress: boolean;
  /** Event streams only: at the end an event of type `peaks`. */
  readonly peaks: boolean;
}

/** What a request says about the archive. */
export interface ArchiveWishes {
  /** Its transcript stays out. */
  readonly isRefused: boolean;
  /** Name that the archive shows. */
  readonly title: string | undefined;
}

/** The names that {@link parseTranscribeQuery} reads. */
export const TRANSCRIBE_PARAMETERS = [
  "format",
  "download",
  "max_chars_per_line",
  "max_words_per_line",
  "max_lines",
  "karaoke",
  "segments",
  "channels",
  "codec",
  "sample_rate",
  "track",
  "hotwords",
  "strict",
  "progress",
  "peaks",
  "archive",
  "title",
] as const;
export const CODECS = ["pcmu", "pcma", "s16le"] as const;
const MAX_NAME_LENGTH = 200;

/** Returns what the parameters say about the archive, on any route. Throws on an impossible value. */
export function archiveWishes(params: URLSearchParams): ArchiveWishes {
  const title = params.get("title");
  if (title !== null && title.length > MAX_NAME_LENGTH)
    throw bad(`title may have at most ${MAX_NAME_LENGTH} characters`);
  return {
    isRefused: params.get("archive") !== null && !flag(params, "archive"),
    title: (title && oneLine(title)) || undefined,
  };
}

/** Unknown parameters are ignored, as the protocol asks; a known one with an impossible value is `bad_request`. */
export function parseTranscribeQuery(params: URLSearchParams): TranscribeQuery {
  archiveWishes(params);
  return {
    format: oneOf(params, "format", TRANSCRIPT_FORMATS) ?? "json",
    download: fileName(params),
    subtitles: subtitleRules(params),
    karaoke: flag(params, "karaoke"),
    segments: flag(params, "segments"),
    channels: oneOf(params, "channels", ["mix", "split"]) ?? "mix",
    headerless: headerless(params),
    track: trackOf(params),
    hotWords: requireHotWords(params.get("hotwords") ?? ""),
    strict: flag(params, "strict"),
    progress: flag(params, "progress"),
    peaks: flag(params, "peaks"),
  };
}

/** Returns what the engine needs of it. */
export function engineOptions({
  channels,
  headerless,
  hotWords,
  strict,
  track,
}: TranscribeQuery): Pick<TranscribeOptions, "channels" | "headerless" | "hotWords" | "strict" | "track"> {
  return {
    channels,
    strict,
    hotWords,
    ...(track === undefined ? {} : { track }),
    ...(headerless === undefined ? {} : { headerless }),
  };
}

/** Only the keys that were given. */
function subtitleRules(params: URLSearchParams): Partial<SubtitleRules> {
  const maxCharsPerLine = integer(params, "max_chars_per_line", 1, 1000);
  const maxWordsPerLine = integer(params, "max_words_per_line", 1, 1000);
  const maxLines = integer(params, "max_lines", 1, 10);
  return {
    ...(maxCharsPerLine === undefined ? {} : { maxCharsPerLine }),
    ...(maxWordsPerLine === undefined ? {} : { maxWordsPerLine }),
    ...(maxLines === undefined ? {} : { maxLines }),
  };
}

function trackOf(params: URLSearchParams): string | undefined {
  const value = params.get("track");
  if (value === null || /^(?:\d{1,3}|[a-z]{2,3}(?:-[a-z0-9]{2,8})*)$/i.test(value)) return value ?? undefined;
  throw bad(`track must be a number or a language code, got ${quote(value)}`);
}

function flag(params: URLSearchParams, name: string): boolean {
  return ["true", "1"].includes(oneOf(params, name, ["true", "false", "1", "0"]) ?? "false");
}

function headerless(params: URLSearchParams): HeaderlessFormat | undefined {
  const codec = oneOf(params, "codec", CODECS);
  const sampleRateHz = integer(params, "sample_rate", 4000, 192_000);
  if (codec === undefined) return undefined;
  if (sampleRateHz === undefined) throw bad(`codec=${codec} needs sample_rate (4000 to 192000)`);
  return { codec, sampleRateHz };
}

function fileName(params: URLSearchParams): string | undefined {
  const name = params.get("download");
  if (name === null) return undefined;
  if (name === "" || name.length > MAX_NAME_LENGTH)
    throw bad(`download must be a file name of 1 to ${MAX_NAME_LENGTH} characters`);
  // A line break in a header would start another header; the other control characters have no place in a file name either.
  if (/[\p{Cc}\p{Cs}]/u.test(name)) throw bad("download must not contain control characters");
  if (/[/\\]/.test(name) || name === "." || name === "..")
    throw bad("download must be a plain file name without / or \\");
  return name;
}

function oneOf<const T extends string>(params: URLSearchParams, name: string, allowed: readonly T[]): T | undefined {
  const value = params.get(name);
  if (value === null) return undefined;
  const found = allowed.find((entry) => entry === value);
  if (found === undefined) throw bad(`${name} must be one of ${allowed.join(", ")}, got ${quote(value)}`);
  return found;
}

function integer(params: URLSearchParams, name: string, min: number, max: number): number | undefined {
  const value = params.get(name);
  if (value === null) return undefined;
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= min && number <= max))
    throw bad(`${name} must be a whole number from ${min} to ${max}, got ${quote(value)}`);
  return number;
}

function quote(value: string): string {
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
}

function bad(message: string): WireError {
  return new WireError("bad_request", message);
}
