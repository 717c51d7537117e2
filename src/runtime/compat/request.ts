import { WireError } from "../../shared/errors.ts";
import { requireHotWords, type HotWord } from "../../shared/hot-words.ts";
import { requireLanguages } from "../language.ts";

/** What `output` may be. */
export const ASR_OUTPUTS = ["txt", "vtt", "srt", "tsv", "json"] as const;
export type AsrOutput = (typeof ASR_OUTPUTS)[number];

/** The query of `/asr`, checked. Every other parameter is ignored, and none is logged: Bazarr sends the path of the film. */
export interface AsrRequest {
  readonly output: AsrOutput;
  /** The recording is PCM without a header: 16 kHz, 16 bit, mono. */
  readonly isHeaderless: boolean;
  readonly wantsWords: boolean;
  readonly channels: "mix" | "split";
  readonly hotWords: readonly HotWord[];
  /** What the recording may be in. */
  readonly languages: readonly string[];
}

/** @param spoken languages of the model */
export function parseAsrQuery(query: URLSearchParams, spoken: readonly string[]): AsrRequest {
  requireTask(query.get("task") ?? "");
  return {
    languages: requireLanguages([query.get("language") ?? ""], spoken),
    output: oneOf(query, "output", ASR_OUTPUTS) ?? "txt",
    isHeaderless: isHeaderless(query),
    wantsWords: flag(query, "word_timestamps", false),
    channels: oneOf(query, "channels", ["mix", "split"]) ?? "mix",
    hotWords: requireHotWords(query.get("hotwords") ?? ""),
  };
}

/** `encode=false`: the client has decoded the recording already. */
export function isHeaderless(query: URLSearchParams): boolean {
  return !flag(query, "encode", true);
}

// ---

function requireTask(task: string): void {
  if (["", "transcribe"].includes(task)) return;
  throw new WireError("unsupported_task", `the model does not translate; send task=transcribe, got ${quoted(task)}`);
}

/** Clients write booleans as Python, JavaScript or a form does. */
export const ASR_FLAGS: Readonly<Record<string, boolean>> = {
  true: true,
  1: true,
  yes: true,
  on: true,
  false: false,
  0: false,
  no: false,
  off: false,
};

function flag(query: URLSearchParams, name: string, standard: boolean): boolean {
  const value = (query.get(name) ?? "").toLowerCase();
  if (value === "") return standard;
  const known = Object.hasOwn(ASR_FLAGS, value) ? ASR_FLAGS[value] : undefined;
  if (known !== undefined) return known;
  throw new WireError("bad_request", `${name} must be true or false, got ${quoted(value)}`);
}

function oneOf<const T extends string>(query: URLSearchParams, name: string, allowed: readonly T[]): T | undefined {
  const value = query.get(name) ?? "";
  if (value === "") return undefined;
  const found = allowed.find((entry) => entry === value.toLowerCase());
  if (found !== undefined) return found;
  throw new WireError("bad_request", `${name} must be one of ${allowed.join(", ")}, got ${quoted(value)}`);
}

function quoted(value: string): string {
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
}
