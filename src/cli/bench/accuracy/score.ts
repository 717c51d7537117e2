import { editDistance } from "../../../shared/text/edit-distance.ts";

/** One recording as a model heard it. */
export interface Heard {
  readonly file: string;
  /** Folder below the given one; "" = directly in it. */
  readonly folder: string;
  readonly reference: string;
  readonly text: string;
  readonly audioS: number;
  readonly wallS: number;
}

/** Errors and speed of some recordings. */
export interface Score {
  readonly recordings: number;
  readonly audioS: number;
  /** Words of the references. */
  readonly words: number;
  /** Percent of the words: case, punctuation and ё do not count. */
  readonly wordErrorRate: number;
  /** Percent of the characters, likewise. */
  readonly characterErrorRate: number;
  /** Percent of the words as they are written, with case and punctuation. */
  readonly wordErrorRateAsWritten: number;
  /** Computing time over length; below 1 is faster than real time. */
  readonly realTimeFactor: number;
}

/** Returns what is compared: lower-case words of letters and digits, ё as е. */
export function plainText(text: string): string {
  const plain = text
    .normalize("NFC")
    .toLowerCase()
    .replaceAll("ё", "е")
    .replace(/[^\p{L}\p{N}]+/gu, " ");
  return plain.trim();
}

/** Scores recordings together: errors and lengths are added before they are divided. */
export function scoreOf(heard: readonly Heard[]): Score {
  const sum = (value: (one: Heard) => number): number => heard.reduce((total, one) => total + value(one), 0);
  const rate = (parts: (text: string) => ArrayLike<string>): number =>
    percent(
      sum(({ reference, text }) => editDistance(parts(reference), parts(text))),
      sum(({ reference }) => parts(reference).length),
    );
  const audioS = sum((one) => one.audioS);
  return {
    recordings: heard.length,
    audioS: Math.round(audioS * 100) / 100,
    words: sum(({ reference }) => wordsOf(plainText(reference)).length),
    wordErrorRate: rate((text) => wordsOf(plainText(text))),
    characterErrorRate: rate((text) => [...plainText(text)]),
    wordErrorRateAsWritten: rate(wordsOf),
    realTimeFactor: Math.round((sum(({ wallS }) => wallS) / Math.max(audioS, 1e-6)) * 1e4) / 1e4,
  };
}

/** Groups recordings by length, shortest first; groups without a recording are left out. */
export function byLength(heard: readonly Heard[]): ReadonlyMap<string, readonly Heard[]> {
  const groups = LENGTHS.map(({ name, fromS, toS }): [string, readonly Heard[]] => [
    name,
    heard.filter(({ audioS }) => audioS >= fromS && audioS < toS),
  ]);
  return new Map(groups.filter(([, members]) => members.length > 0));
}

/** Groups recordings by their folder, by name. */
export function byFolder(heard: readonly Heard[]): ReadonlyMap<string, readonly Heard[]> {
  const names = [...new Set(heard.map(({ folder }) => folder))].sort();
  return new Map(names.map((name) => [name, heard.filter(({ folder }) => folder === name)]));
}

// ---

const LENGTHS = [
  { name: "under 5 s", fromS: 0, toS: 5 },
  { name: "5 to 15 s", fromS: 5, toS: 15 },
  { name: "15 to 60 s", fromS: 15, toS: 60 },
  { name: "1 min and more", fromS: 60, toS: Infinity },
];

function wordsOf(text: string): readonly string[] {
  return text.split(/\s+/u).filter((word) => word !== "");
}

/** A reference without words: every word that was heard is one error too many. */
function percent(errors: number, all: number): number {
  return Math.round((errors / Math.max(1, all)) * 1e4) / 100;
}
