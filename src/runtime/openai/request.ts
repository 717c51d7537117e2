import { WireError } from "../../shared/errors.ts";
import { requireHotWords } from "../../shared/hot-words.ts";
import type { HotWord } from "../../shared/hot-words.ts";
import { requireLanguages } from "../language.ts";

/** Formats of an answer that is not streamed. */
export const RESPONSE_FORMATS = ["json", "text", "srt", "vtt", "verbose_json", "diarized_json"] as const;
export type ResponseFormat = (typeof RESPONSE_FORMATS)[number];

/** A request for a transcription, checked. Other fields are ignored. */
export interface TranscriptionRequest {
  readonly format: ResponseFormat;
  readonly isStreamed: boolean;
  readonly wantsWords: boolean;
  readonly wantsSegments: boolean;
  readonly wantsLogprobs: boolean;
  /** Each channel of the recording on its own. */
  readonly splitsChannels: boolean;
  readonly hotWords: readonly HotWord[];
  /** For the channels, in order; further ones are B, C … */
  readonly speakers: readonly string[];
  /** What the recording may be in. */
  readonly languages: readonly string[];
}

type Fields = ReadonlyMap<string, readonly string[]>;

/**
 * Throws what OpenAI refuses too: impossible values of known fields.
 * @param spoken languages of the model
 */
export function parseRequest(fields: Fields, spoken: readonly string[]): TranscriptionRequest {
  const languages = requireLanguages([...lastOf(fields, "language"), ...(fields.get("languages") ?? [])], spoken);
  const granularities = valuesOf(fields, "timestamp_granularities", ["word", "segment"]);
  const speakers = fields.get("known_speaker_names") ?? [];
  return {
    format: valueOf(fields, "response_format", RESPONSE_FORMATS) ?? "json",
    isStreamed: booleanOf(fields, "stream"),
    wantsWords: granularities.includes("word"),
    wantsSegments: granularities.length === 0 || granularities.includes("segment"),
    wantsLogprobs: (fields.get("include") ?? []).includes("logprobs"),
    splitsChannels: speakers.length > 0 || valueOf(fields, "channels", ["mix", "split"]) === "split",
    hotWords: requireHotWords(fields.get("keywords") ?? [], "keywords"),
    speakers,
    languages,
  };
}

// ---

function lastOf(fields: Fields, name: string): readonly string[] {
  return (fields.get(name) ?? []).slice(-1);
}

function valueOf<const T extends string>(fields: Fields, name: string, allowed: readonly T[]): T | undefined {
  const [value = ""] = lastOf(fields, name);
  return value === "" ? undefined : oneOf(name, value, allowed);
}

function valuesOf<const T extends string>(fields: Fields, name: string, allowed: readonly T[]): readonly T[] {
  // Clients without lists in forms send one field: `word,segment`, or `["word"]` as JSON.
  const values = (fields.get(name) ?? []).flatMap((value) => value.split(/[\s,"'[\]]+/));
  return values.filter((value) => value !== "").map((value) => oneOf(name, value, allowed));
}

function booleanOf(fields: Fields, name: string): boolean {
  const [value = ""] = lastOf(fields, name);
  return ["true", "1"].includes(oneOf(name, value.toLowerCase() || "false", ["true", "false", "1", "0"]));
}

function oneOf<const T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((entry) => entry === value);
  if (found !== undefined) return found;
  throw new WireError("bad_request", `${name} must be one of ${allowed.join(", ")}, got ${quoted(value)}`, {
    param: name,
  });
}

function quoted(value: string): string {
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
}
