import { wholeMs } from "./clock.ts";
import type { SpokenWord } from "./spoken-words.ts";
import type { SubtitleRules } from "./subtitle-rules.ts";

/** A gap shorter than this is closed: the screen would flicker. */
const CLOSED_GAP_MS = 500;

interface Shown {
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * Returns when each group of words is on the screen. It begins with its first word and stays until it was said and could be read, at most
 * `maxDurationMs`, until the next one needs the screen or the recording ends. Times never overlap, and every end is after its start.
 */
export function subtitleTimes(
  groups: readonly { readonly words: readonly SpokenWord[]; readonly chars: number }[],
  rules: SubtitleRules,
  durationS: number,
): Shown[] {
  const starts: number[] = [];
  for (const { words } of groups) {
    const first = words[0]!; // groups are never empty
    const before = starts.at(-1);
    starts.push(before === undefined ? wholeMs(first.start) : startAfter(before, first, rules));
  }
  return groups.map(({ words, chars }, index) => {
    const startMs = starts[index]!; // one for each group
    const nextMs = starts[index + 1];
    const boundMs = Math.min(
      nextMs === undefined ? Infinity : nextMs - Math.min(rules.minGapMs, Math.floor((nextMs - startMs) / 2)),
      startMs + rules.maxDurationMs,
      Math.max(wholeMs(durationS), startMs + 1),
    );
    const wantedMs = Math.max(
      wholeMs(words.at(-1)!.spokenUntil),
      startMs + rules.minDurationMs,
      startMs + Math.ceil((chars * 1000) / rules.maxCharsPerSecond),
    );
    const closes = nextMs !== undefined && nextMs - wantedMs < CLOSED_GAP_MS;
    return { startMs, endMs: closes ? boundMs : Math.min(wantedMs, boundMs) };
  });
}

/** Words that were emitted in one burst begin one after the other, as they must have been said. */
function startAfter(beforeMs: number, first: SpokenWord, rules: SubtitleRules): number {
  const earliestMs = Math.min(wholeMs(first.spokenFrom), beforeMs + rules.minDurationMs + rules.minGapMs);
  return Math.max(wholeMs(first.start), earliestMs, beforeMs + 2);
}
