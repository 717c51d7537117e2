import { isObject, parseObject } from "../../shared/text/json-object.ts";
import type { Hypothesis } from "../../engine/contract.ts";
import { WireError } from "../../shared/errors.ts";
import { parseHotWords, type HotWord } from "../../shared/hot-words.ts";

/** What a client's `config` may choose. */
export interface VoskConfig {
  readonly sampleRateHz: number;
  /** Words with times in results. */
  readonly hasWords: boolean;
  /** Above 0: results have the form of alternatives. There is one, as the model gives no other. */
  readonly alternatives: number;
  /** Phrases to expect. A grammar of Kaldi allows nothing else; here everything else is heard, too. */
  readonly hotWords: readonly HotWord[];
}

/** What a text frame says. */
export type VoskMessage =
  | { readonly kind: "eof" | "reset" }
  | { readonly kind: "config"; readonly config: VoskConfig }
  | { readonly kind: "refused"; readonly error: WireError };

/** Parsing costs: a real config has 100 characters, one with a phrase list a few thousand. */
const MAX_TEXT_CHARS = 64 * 1024;

/** Reads a text frame. vosk-server compares `{"eof" : 1}` letter for letter; here any spelling of the same JSON counts. */
export function parseVoskMessage(text: string, before: VoskConfig): VoskMessage {
  const value = text.length > MAX_TEXT_CHARS ? undefined : parseObject(text);
  if (value === undefined)
    return refused("bad_request", 'a text frame must be {"config": {…}}, {"eof" : 1} or {"reset" : 1}');
  if (Object.hasOwn(value, "eof")) return { kind: "eof" };
  if (Object.hasOwn(value, "reset")) return { kind: "reset" };
  const config = value["config"];
  if (!isObject(config)) return refused("bad_request", 'a text frame must have "config", "eof" or "reset"');
  const { sample_rate: rate, words, max_alternatives: alternatives, phrase_list: phrases } = config;
  // Jigasi writes 48000.0, which is the same number; some clients send it as text.
  const sampleRateHz = rate === undefined || rate === null ? before.sampleRateHz : Math.round(Number(rate));
  if (!(sampleRateHz >= 4000 && sampleRateHz <= 192_000))
    return refused("invalid_sample_rate", "config.sample_rate must be from 4000 to 192000");
  const hotWords = phrases === undefined || phrases === null ? before.hotWords : parseHotWords(withoutUnknown(phrases));
  if (typeof hotWords === "string") return refused("bad_request", `config.phrase_list: ${hotWords}`);
  return {
    kind: "config",
    config: {
      sampleRateHz,
      hasWords: typeof words === "boolean" ? words : typeof words === "number" ? words !== 0 : before.hasWords,
      alternatives: typeof alternatives === "number" && alternatives >= 0 ? alternatives : before.alternatives,
      hotWords,
    },
  };
}

/** Returns finals as one result: what a client asks for last is one message. Times start at `fromS`. */
export function voskResult(finals: readonly Hypothesis[], config: VoskConfig, fromS: number): string {
  const text = finals
    .map(({ committed, tentative }) => committed + tentative)
    .filter((part) => part !== "")
    .join(" ");
  const words = finals.flatMap((final) => final.words);
  const times = words.map(({ word, start, end, confidence }) => ({
    ...(config.alternatives > 0 ? {} : { conf: confidence }),
    end: later(end, fromS),
    start: later(start, fromS),
    word,
  }));
  // FreeSWITCH takes an answer with "" in it for an empty one: a result has no other empty field.
  const result = config.hasWords && times.length > 0 ? { result: times } : {};
  if (config.alternatives === 0) return JSON.stringify({ ...result, text });
  const confidence = finals.find((final) => final.confidence !== undefined)?.confidence ?? 1;
  return JSON.stringify({ alternatives: [{ confidence, ...result, text }] });
}

// ---

/** A grammar lists "[unk]" for everything that is not in it. */
function withoutUnknown(phrases: unknown): unknown {
  return Array.isArray(phrases) ? phrases.filter((phrase) => phrase !== "[unk]") : phrases;
}

function later(timeS: number, byS: number): number {
  return Math.round((timeS + byS) * 1000) / 1000;
}

function refused(code: "bad_request" | "invalid_sample_rate", message: string): VoskMessage {
  return { kind: "refused", error: new WireError(code, message) };
}
