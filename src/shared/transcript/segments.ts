import { endsSentence, isPauseBetween, spokenWords } from "./spoken-words.ts";
import type { SpokenWord } from "./spoken-words.ts";
import { byStart } from "./transcript.ts";
import type { FormattableTranscript, TimedText } from "./transcript.ts";

/** Longest segment, in seconds (a longer single word stands alone). */
const SEGMENT_MAX_S = 30;

export interface ChannelText extends TimedText {
  /** From 0; undefined when the recording was transcribed as one. */
  readonly channel: number | undefined;
}

/** Returns the segments of a transcript: broken at pauses over 0.9 s, after `.`, `!`, `?` and before 30 s are exceeded. */
export function segmentsOf(transcript: FormattableTranscript): TimedText[] {
  return groupSegments(spokenWords(transcript)).map((words) => ({
    start: words[0]?.start ?? 0,
    end: words.at(-1)?.end ?? 0,
    text: words.map(({ word }) => word).join(" "),
  }));
}

/** Returns the segments of all channels in time order. */
export function segmentsInTurn(transcripts: readonly FormattableTranscript[]): ChannelText[] {
  return transcripts
    .flatMap((transcript, index) => {
      const channel = transcripts.length > 1 ? index : undefined;
      return segmentsOf(transcript).map((segment) => Object.assign({ channel }, segment));
    })
    .sort(byStart);
}

function groupSegments(words: readonly SpokenWord[]): SpokenWord[][] {
  const groups: SpokenWord[][] = [];
  for (const word of words) {
    const group = groups.at(-1);
    const last = group?.at(-1);
    const first = group?.[0];
    const breaks =
      last === undefined ||
      first === undefined ||
      endsSentence(last.word) ||
      isPauseBetween(last, word) ||
      word.end - first.start > SEGMENT_MAX_S;
    if (breaks) groups.push([word]);
    else group?.push(word);
  }
  return groups;
}
