import type { TimedWord } from "../../shared/transcript/transcript.ts";

/** Audio that is not answered yet, so that a new connection can hear it again. */
export interface Replay {
  add(pcm: Int16Array<ArrayBuffer>): void;
  /** A connection begins: returns what it has to hear first. Its times count from there. */
  restart(): readonly Int16Array<ArrayBuffer>[];
  /** A final came: returns its words with times from the very beginning, and forgets the audio up to the last of them. */
  answered(words: readonly TimedWord[]): readonly TimedWord[];
  /** Time since the sound at a place of this connection was written. */
  latencyMs(endS: number): number;
}

/** Longer silence of the server than this loses the oldest audio: half an hour of a broken connection would be 170 MB. */
const KEPT_S = 180;

export function createReplay(rateHz: number): Replay {
  let blocks: Int16Array<ArrayBuffer>[] = [];
  /** Samples before the first kept block, and all that were written. */
  let dropped = 0;
  let written = 0;
  /** Sample at which the present connection's time begins. */
  let origin = 0;

  const dropUntil = (sample: number): void => {
    let count = 0;
    for (let block = blocks[count]; block !== undefined && dropped + block.length <= sample; block = blocks[++count]) {
      dropped += block.length;
    }
    if (count > 0) blocks = blocks.slice(count);
  };
  return {
    add: (pcm) => {
      blocks.push(pcm);
      written += pcm.length;
      dropUntil(written - KEPT_S * rateHz);
    },
    restart: () => {
      origin = dropped;
      return blocks;
    },
    answered: (words) => {
      const shift = origin / rateHz;
      const shifted = words.map((word) => ({
        ...word,
        start: round(word.start + shift),
        end: round(word.end + shift),
      }));
      const last = shifted.at(-1);
      if (last !== undefined) dropUntil(Math.floor(last.end * rateHz));
      return shifted;
    },
    latencyMs: (endS) => Math.max(0, Math.round(((written - origin) / rateHz - endS) * 1000)),
  };
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
