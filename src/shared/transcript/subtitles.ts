import { atomsOf, breakCost } from "./atoms.ts";
import type { Atom } from "./atoms.ts";
import { breakLines, fillLine } from "./lines.ts";
import type { LineFill } from "./lines.ts";
import { endsSentence, isPauseBetween, spokenWords } from "./spoken-words.ts";
import type { SpokenWord } from "./spoken-words.ts";
import type { SubtitleRules } from "./subtitle-rules.ts";
import { subtitleTimes } from "./subtitle-times.ts";
import type { FormattableTranscript } from "./transcript.ts";

/** One subtitle: what is on the screen from `startMs` to `endMs`. */
export interface Subtitle {
  readonly startMs: number;
  readonly endMs: number;
  readonly lines: readonly (readonly SpokenWord[])[];
}

/**
 * Returns the subtitles of one speaker. Where words are close enough, breaks are chosen over all words of a run together: after sentences and clauses,
 * with time to read each. No word is split, and no pause over 0.9 s is inside a subtitle.
 * @param prefixChars length of the speaker's name and the space after it, which the first line of each begins with
 */
export function subtitlesOf(transcript: FormattableTranscript, rules: SubtitleRules, prefixChars = 0): Subtitle[] {
  const words = spokenWords(transcript);
  const runs = runsOf(words).map((run) => atomsOf(run, rules, rules.maxCharsPerLine - prefixChars));
  const groups = runs.flatMap((run, index) =>
    cut(run, { rules, prefixChars, nextS: runs[index + 1]?.[0]?.words[0]?.start ?? Infinity }),
  );
  const times = subtitleTimes(
    groups.map((group) => ({
      words: group.flatMap((atom) => atom.words),
      chars: prefixChars + charsOf(group),
    })),
    rules,
    transcript.durationS,
  );
  return groups.map((group, index) => {
    const lines = breakLines(group, rules, prefixChars).map((line) => line.flatMap((atom) => atom.words));
    return Object.assign({ lines }, times[index]!); // one for each group
  });
}

/** Stretches without a pause. */
function runsOf(words: readonly SpokenWord[]): SpokenWord[][] {
  const runs: SpokenWord[][] = [];
  for (const word of words) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (run === undefined || last === undefined || isPauseBetween(last, word)) runs.push([word]);
    else run.push(word);
  }
  return runs;
}

interface Cut {
  readonly rules: SubtitleRules;
  readonly prefixChars: number;
  /** Start of the next run. */
  readonly nextS: number;
}

/** Cuts a run into subtitles with the least cost over all. Looks at as many atoms as fit into one subtitle, for each atom. */
function cut(atoms: readonly Atom[], options: Cut): Atom[][] {
  const { rules, prefixChars } = options;
  /** The cheapest way to cut the first `i` atoms, and where its last subtitle begins. */
  const best = [{ cost: 0, from: 0 }];
  for (let from = 0; from < atoms.length; from++) {
    const before = best[from]!.cost; // every place is reached: one atom always makes a subtitle
    const startS = startOf(atoms[from]!);
    let fill: LineFill | undefined;
    let chars = prefixChars - 1;
    let sentenceEnds = 0;
    for (let end = from; end < atoms.length; end++) {
      const atom = atoms[end]!; // in range
      fill = fillLine(fill, atom, rules, prefixChars);
      const isFull = fill.lines > rules.maxLines || (lastOf(atom).spokenUntil - startS) * 1000 > rules.maxDurationMs;
      if (isFull && end > from) break;
      chars += 1 + atom.chars;
      const next = atoms[end + 1];
      const cost =
        before +
        SUBTITLE_COST +
        (next === undefined ? 0 : breakCost(lastOf(atom).word)) +
        sentenceEnds * INNER_SENTENCE_COST +
        hurryCost(chars, (next === undefined ? options.nextS : startOf(next)) - startS, rules) +
        (isScrap(atoms, from, end) && chars * 3 < rules.maxCharsPerLine ? SCRAP_COST : 0);
      if (cost < (best[end + 1]?.cost ?? Infinity)) best[end + 1] = { cost, from };
      if (endsSentence(lastOf(atom).word)) sentenceEnds++;
    }
  }
  const groups: Atom[][] = [];
  for (let end = atoms.length; end > 0; end = best[end]!.from) groups.push(atoms.slice(best[end]!.from, end));
  return groups.reverse();
}

/** Fewer subtitles are better, but a sentence of its own is better still when there is time to read it. */
const SUBTITLE_COST = 1;
const INNER_SENTENCE_COST = 1.5;
/** A word or two of a sentence, alone on the screen. */
const SCRAP_COST = 1;
const HURRY_COST = 10;

/** What it costs that a subtitle has less time than it takes to read: up to its full weight when it has none. */
function hurryCost(chars: number, availableS: number, rules: SubtitleRules): number {
  const neededMs = Math.max(rules.minDurationMs, (chars / rules.maxCharsPerSecond) * 1000);
  const availableMs = Math.max(0, availableS * 1000 - rules.minGapMs);
  return HURRY_COST * Math.max(0, 1 - availableMs / neededMs) ** 2;
}

function isScrap(atoms: readonly Atom[], from: number, end: number): boolean {
  const beginsSentence = from === 0 || endsSentence(lastOf(atoms[from - 1]!).word);
  const endsOne = end + 1 === atoms.length || endsSentence(lastOf(atoms[end]!).word);
  return !(beginsSentence && endsOne);
}

function charsOf(atoms: readonly Atom[]): number {
  return atoms.reduce((sum, { chars }) => sum + chars + 1, -1);
}

function startOf(atom: Atom): number {
  return atom.words[0]!.start; // atoms are never empty
}

function lastOf(atom: Atom): SpokenWord {
  return atom.words.at(-1)!; // atoms are never empty
}
