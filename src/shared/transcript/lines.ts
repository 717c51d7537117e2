import { breakCost } from "./atoms.ts";
import type { Atom } from "./atoms.ts";
import type { SubtitleRules } from "./subtitle-rules.ts";

/** Fills lines one atom after the other: the fewest lines that hold them. */
export interface LineFill {
  readonly lines: number;
  readonly chars: number;
  readonly words: number;
}

/** Returns the state after one more atom. @param prefixChars what stands before the first word of the first line */
export function fillLine(fill: LineFill | undefined, atom: Atom, rules: SubtitleRules, prefixChars: number): LineFill {
  if (fill === undefined) return { lines: 1, chars: prefixChars + atom.chars, words: atom.words.length };
  const chars = fill.chars + 1 + atom.chars;
  const words = fill.words + atom.words.length;
  return chars <= rules.maxCharsPerLine && words <= rules.maxWordsPerLine
    ? { lines: fill.lines, chars, words }
    : { lines: fill.lines + 1, chars: atom.chars, words: atom.words.length };
}

interface Layout {
  readonly cost: number;
  readonly lines: readonly (readonly Atom[])[];
}

/** Breaks the atoms of one subtitle into the fewest lines: after clauses where that is possible, of similar length, the first not the longest. */
export function breakLines(
  atoms: readonly Atom[],
  rules: SubtitleRules,
  prefixChars: number,
): readonly (readonly Atom[])[] {
  const count = atoms.reduce<LineFill | undefined>((fill, atom) => fillLine(fill, atom, rules, prefixChars), undefined);
  const wanted = count?.lines ?? 0;
  if (wanted <= 1) return wanted === 0 ? [] : [atoms];
  const total = prefixChars + atoms.reduce((sum, { chars }) => sum + chars + 1, -1);
  const ideal = total / wanted;
  /** `layouts[i]`: the best way to break the first `i` atoms into the lines so far. */
  let layouts: (Layout | undefined)[] = [{ cost: 0, lines: [] }];
  for (let line = 1; line <= wanted; line++) {
    const next: (Layout | undefined)[] = [];
    for (const [start, before] of layouts.entries()) {
      if (before === undefined) continue;
      let fill: LineFill | undefined;
      for (let end = start; end < atoms.length; end++) {
        fill = fillLine(fill, atoms[end]!, rules, start === 0 ? prefixChars : 0); // in range
        if (fill.lines > 1) break;
        const isLast = end + 1 === atoms.length;
        if (isLast !== (line === wanted)) continue;
        const cost = before.cost + lineCost(fill.chars, ideal, isLast ? undefined : atoms[end]!);
        if (cost < (next[end + 1]?.cost ?? Infinity))
          next[end + 1] = { cost, lines: [...before.lines, atoms.slice(start, end + 1)] };
      }
    }
    layouts = next;
  }
  return layouts[atoms.length]?.lines ?? [atoms];
}

function lineCost(chars: number, ideal: number, last: Atom | undefined): number {
  const unevenness = ((chars - ideal) / ideal) ** 2 * 6;
  const isTopHeavy = last !== undefined && chars > ideal ? 0.3 : 0;
  return unevenness + isTopHeavy + (last === undefined ? 0 : breakCost(last.words.at(-1)?.word ?? ""));
}
