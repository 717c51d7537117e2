import { endsSentence, isPauseBetween } from "./spoken-words.ts";
import type { SpokenWord } from "./spoken-words.ts";
import type { SubtitleRules } from "./subtitle-rules.ts";
import { characters } from "./transcript.ts";

/** Words that stay on one line: a preposition with its noun, a particle or a dash with the word before it, a number with its unit. */
export interface Atom {
  readonly words: readonly SpokenWord[];
  readonly chars: number;
}

/** Short Russian prepositions, conjunctions and negations: none ends a line. */
const LEANS_RIGHT = new Set(
  "а и в во к ко с со у о об обо от до за из на над но не ни по под при про без для № §".split(" "),
);
/** Russian particles, dashes and units after a number: none begins a line. */
const LEANS_LEFT = new Set("же ж ли ль бы б — – -".split(" "));
const UNIT =
  /^(?:[%‰]|°C|₽|р\.|руб\.?|коп\.?|тыс\.?|млн|млрд|г\.|гг\.|кг|г|мг|км|м|см|мм|л|мл|ч|мин|с|шт\.)[.,;:!?…]*$/;

/** Groups words into atoms; one that would not fit into a line, or holds a pause, falls apart into its words. */
export function atomsOf(words: readonly SpokenWord[], rules: SubtitleRules, maxChars: number): Atom[] {
  const groups: SpokenWord[][] = [];
  for (const word of words) {
    const group = groups.at(-1);
    if (group !== undefined && belongs(group, word, rules, maxChars)) group.push(word);
    else groups.push([word]);
  }
  return groups.map((group) => ({ words: group, chars: lengthOf(group) }));
}

function belongs(group: readonly SpokenWord[], word: SpokenWord, rules: SubtitleRules, maxChars: number): boolean {
  const first = group[0]!; // groups are never empty
  const last = group.at(-1)!;
  return (
    isBound(last.word, word.word) &&
    group.length < rules.maxWordsPerLine &&
    lengthOf(group) + 1 + characters(word.word) <= maxChars &&
    !isPauseBetween(last, word) &&
    (word.spokenUntil - first.start) * 1000 <= rules.maxDurationMs
  );
}

function isBound(word: string, next: string): boolean {
  return (
    LEANS_RIGHT.has(word.toLowerCase()) ||
    // An initial: "А. С. Пушкин".
    /^\p{Lu}\.$/u.test(word) ||
    LEANS_LEFT.has(next.toLowerCase()) ||
    // Punctuation that the recogniser gave as a word.
    /^[.,;:!?…»”)\]]+$/.test(next) ||
    (/\d$/.test(word) && (UNIT.test(next) || /^\d{3}(?!\d)/.test(next)))
  );
}

/** Returns how well a line or a subtitle ends after this word: 0 after a sentence, 1 after a clause, 3 within one. */
export function breakCost(word: string): number {
  if (endsSentence(word)) return 0;
  return /[,;:—–]["'»”’)\]]*$/.test(word) ? 1 : 3;
}

function lengthOf(words: readonly SpokenWord[]): number {
  return words.reduce((sum, { word }) => sum + characters(word) + 1, -1);
}
