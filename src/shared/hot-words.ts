import { WireError } from "./errors.ts";

/** A phrase that is to be expected. */
export interface HotWord {
  readonly text: string;
  /** How strongly it is preferred, 0..10: nats for each piece of about three letters. */
  readonly boost: number;
}

/** Bounds of a list: each phrase costs time in every frame. */
export const MOST_HOT_WORDS = 200;
export const LONGEST_HOT_WORD = 100;
export const MOST_BOOST = 10;
/** Finds about a third of the names that a model misses, and invents almost none. */
export const DEFAULT_BOOST = 3;

/**
 * Reads phrases as clients write them: `phrase`, `phrase:boost`, or `{"text", "boost"}`, in a list, or in one text with commas or line breaks
 * between. Returns the rule that is broken when they cannot be used.
 */
export function parseHotWords(value: unknown): readonly HotWord[] | string {
  const items: unknown[] = typeof value === "string" ? value.split(/[,\n]/) : Array.isArray(value) ? value : [];
  if (typeof value !== "string" && !Array.isArray(value)) return "hot words must be a list of phrases";
  const words = new Map<string, HotWord>();
  for (const item of items) {
    const word = typeof item === "string" ? fromText(item) : fromObject(item);
    if (typeof word === "string") return word;
    if (word.text !== "") words.set(word.text.toLowerCase(), word);
  }
  return words.size > MOST_HOT_WORDS
    ? `at most ${MOST_HOT_WORDS} hot words are allowed, got ${words.size}`
    : [...words.values()];
}

/** As `parseHotWords`, for a request's field: throws a WireError `bad_request`. */
export function requireHotWords(value: unknown, param?: string): readonly HotWord[] {
  const words = parseHotWords(value);
  if (typeof words === "string") throw new WireError("bad_request", words, param === undefined ? {} : { param });
  return words;
}

// ---

function fromText(item: string): HotWord | string {
  const [, text = item, boost] = /^(.*?)(?::(-?\d+(?:\.\d+)?))?$/su.exec(item) ?? [];
  return checked(text, boost === undefined ? DEFAULT_BOOST : Number(boost));
}

function fromObject(item: unknown): HotWord | string {
  if (typeof item !== "object" || item === null || !("text" in item) || typeof item.text !== "string")
    return 'a hot word must be a text or {"text", "boost"}';
  const boost = "boost" in item ? item.boost : DEFAULT_BOOST;
  return checked(item.text, typeof boost === "number" ? boost : Number.NaN);
}

function checked(given: string, boost: number): HotWord | string {
  const text = given.normalize("NFC").trim().replace(/\s+/g, " ");
  if (text.length > LONGEST_HOT_WORD) return `a hot word must have at most ${LONGEST_HOT_WORD} characters`;
  if (/\p{Cc}/u.test(text)) return "a hot word must not contain control characters";
  if (!(boost >= 0 && boost <= MOST_BOOST)) return `the boost of a hot word must be a number from 0 to ${MOST_BOOST}`;
  return { text, boost };
}
