import { CHANNEL_BREAK, TERM_GAP, WORD_GAP } from "../index-text.ts";
import type { IndexText } from "../index-text.ts";
import type { Condition } from "../question.ts";

/** Before what is known of a transcript and not spoken in it. */
const FACT = "/";
/** A tsvector holds less than a megabyte: that is a hundred hours. Later words of a longer recording are found through others. */
const MOST_BYTES = 1_000_000;
/** Two pairs in 16 million have the same number; what the index finds is compared with the text. */
const PAIR_BITS = 24;

/** What the index of a transcript has, each list without repetitions. */
export interface Lexemes {
  readonly stems: readonly string[];
  readonly terms: readonly string[];
  readonly pairs: readonly number[];
}

export function lexemesOf({ stems, terms }: Pick<IndexText, "stems" | "terms">, facts: readonly string[]): Lexemes {
  const inOrder = partsOf(stems);
  const pairs = new Set<number>();
  for (let n = 1; n < inOrder.length; n++) {
    const [first, second] = [inOrder[n - 1]!, inOrder[n]!]; // both are inside
    if (first !== CHANNEL_BREAK && second !== CHANNEL_BREAK) pairs.add(pairOf(first, second));
  }
  return {
    stems: bounded([...facts.map((fact) => FACT + fact), ...inOrder]),
    terms: bounded(partsOf(terms)),
    pairs: [...pairs],
  };
}

/** What the index is asked for; of a sequence, each of its words and each of its pairs. */
export interface IndexQuestion {
  /** tsquery; empty = no condition. */
  readonly stems: string;
  readonly terms: string;
  readonly pairs: readonly number[];
}

export function indexQuestion(conditions: readonly Condition[], facts: readonly string[]): IndexQuestion {
  const stems = facts.map((fact) => quoted(FACT + fact));
  const terms: string[] = [];
  const pairs: number[] = [];
  for (const { field, sequence } of conditions) {
    if (field === "terms")
      terms.push(...sequence.map((term, n) => quoted(term) + (n === sequence.length - 1 ? ":*" : "")));
    else {
      stems.push(...sequence.map(quoted));
      for (let n = 1; n < sequence.length; n++) pairs.push(pairOf(sequence[n - 1]!, sequence[n]!)); // both are inside
    }
  }
  return { stems: stems.join(" & "), terms: terms.join(" & "), pairs };
}

// ---

function partsOf(text: string): string[] {
  return text
    .split(WORD_GAP)
    .flatMap((word) => word.split(TERM_GAP))
    .filter((part) => part !== "");
}

function bounded(parts: readonly string[]): readonly string[] {
  let bytes = 0;
  return [...new Set(parts)].filter(
    (part) => part !== CHANNEL_BREAK && (bytes += Buffer.byteLength(part)) <= MOST_BYTES,
  );
}

/** Lexemes are letters and digits: nothing in the quotes ends them. */
function quoted(lexeme: string): string {
  return `'${lexeme}'`;
}

/** FNV-1a over both words. */
function pairOf(first: string, second: string): number {
  let hash = 0x811c9dc5;
  for (const word of [first, WORD_GAP, second]) {
    for (let n = 0; n < word.length; n++) hash = Math.imul(hash ^ word.charCodeAt(n), 0x01000193);
  }
  return ((hash >>> PAIR_BITS) ^ hash) & (2 ** PAIR_BITS - 1);
}
