import type { TimedWord } from "../../shared/transcript/transcript.ts";
import { textOf } from "./document.ts";
import type { Paragraph } from "./document.ts";

/**
 * Returns the words of an edited text with times: a word that stayed keeps its own, the new ones between two that stayed share the time there.
 * Without a word before or after, they share the time that the old text had.
 */
export function alignWords(old: readonly TimedWord[], text: string): TimedWord[] {
  const next = text.split(/\s+/).filter((word) => word !== "");
  const kept = commonWords(old, next);
  const words: TimedWord[] = [];
  let oldAt = 0;
  let nextAt = 0;
  for (const [oldIndex, nextIndex] of [...kept, [old.length, next.length] as const]) {
    const from = words.at(-1)?.end ?? old[0]?.start ?? 0;
    const replaced = old.slice(oldAt, oldIndex);
    const until = replaced.at(-1)?.end ?? old[oldIndex]?.start ?? old.at(-1)?.end ?? from;
    const begin = Math.max(from, replaced[0]?.start ?? from);
    words.push(...shareTime(next.slice(nextAt, nextIndex), begin, Math.max(begin, until)));
    const stays = old[oldIndex];
    if (stays !== undefined) words.push({ ...stays, word: next[nextIndex] ?? stays.word });
    oldAt = oldIndex + 1;
    nextAt = nextIndex + 1;
  }
  return words;
}

/** Returns the paragraphs with the text of one replaced. */
export function editParagraph(paragraphs: readonly Paragraph[], id: number, text: string): readonly Paragraph[] {
  return paragraphs.map((paragraph) =>
    paragraph.id === id && textOf(paragraph) !== text.trim()
      ? { ...paragraph, words: alignWords(paragraph.words, text) }
      : paragraph,
  );
}

/** Where a text is found: character positions in the text of a paragraph. */
export interface Match {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

export function findMatches(paragraphs: readonly Paragraph[], query: string, matchCase: boolean): Match[] {
  const wanted = query.trim();
  if (wanted === "") return [];
  const pattern = new RegExp(
    wanted.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replace(/\s+/g, String.raw`\s+`),
    matchCase ? "gu" : "giu",
  );
  return paragraphs.flatMap((paragraph) =>
    [...textOf(paragraph).matchAll(pattern)].map((found) => ({
      id: paragraph.id,
      start: found.index,
      end: found.index + found[0].length,
    })),
  );
}

/** Returns the paragraphs with these places replaced. The replacement is plain text. */
export function replaceMatches(
  paragraphs: readonly Paragraph[],
  matches: readonly Match[],
  by: string,
): readonly Paragraph[] {
  const byParagraph = new Map<number, Match[]>();
  for (const match of matches) byParagraph.set(match.id, [...(byParagraph.get(match.id) ?? []), match]);
  return paragraphs.map((paragraph) => {
    const here = byParagraph.get(paragraph.id);
    if (here === undefined) return paragraph;
    let text = textOf(paragraph);
    for (const { start, end } of [...here].reverse()) text = text.slice(0, start) + by + text.slice(end);
    return { id: paragraph.id, words: alignWords(paragraph.words, text) };
  });
}

/** Returns the numbers of the words of a paragraph that a match covers, at least in part. */
export function wordsIn({ words }: Paragraph, matches: readonly Match[]): ReadonlySet<number> {
  const found = new Set<number>();
  let at = 0;
  for (const [index, { word }] of words.entries()) {
    const end = at + word.length;
    if (matches.some((match) => match.start < end && match.end > at)) found.add(index);
    at = end + 1;
  }
  return found;
}

// ---

/** Longest common subsequence of words as pairs of indices, after equal beginnings and ends are taken off: an edit is short. */
function commonWords(old: readonly TimedWord[], next: readonly string[]): (readonly [number, number])[] {
  const isSame = (a: number, b: number): boolean => old[a]?.word === next[b];
  let head = 0;
  while (head < old.length && head < next.length && isSame(head, head)) head++;
  let tail = 0;
  while (tail < old.length - head && tail < next.length - head && isSame(old.length - 1 - tail, next.length - 1 - tail))
    tail++;
  const [rows, columns] = [old.length - head - tail, next.length - head - tail];
  const lengths = Array.from({ length: rows + 1 }, () => new Uint32Array(columns + 1));
  const at = (row: number, column: number): number => lengths[row]?.[column] ?? 0;
  for (let row = rows - 1; row >= 0; row--) {
    for (let column = columns - 1; column >= 0; column--) {
      lengths[row]![column] = isSame(head + row, head + column) // made above with these sizes
        ? at(row + 1, column + 1) + 1
        : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const pairs: (readonly [number, number])[] = [];
  for (let index = 0; index < head; index++) pairs.push([index, index]);
  for (let row = 0, column = 0; row < rows && column < columns;) {
    if (isSame(head + row, head + column)) pairs.push([head + row++, head + column++]);
    else if (at(row + 1, column) >= at(row, column + 1)) row++;
    else column++;
  }
  for (let index = tail; index > 0; index--) pairs.push([old.length - index, next.length - index]);
  return pairs;
}

/** By length: a long word takes longer to say. */
function shareTime(words: readonly string[], from: number, until: number): TimedWord[] {
  const total = words.reduce((sum, word) => sum + word.length, 0);
  let start = from;
  return words.map((word) => {
    const end = start + ((until - from) * word.length) / total;
    const timed = { word, start: round(start), end: round(end) };
    start = end;
    return timed;
  });
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
