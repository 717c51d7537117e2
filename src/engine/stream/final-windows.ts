import type { Word } from "../contract.ts";
import type { FrameBuffer } from "../features/frame-buffer.ts";
import type { Span } from "../windows/segmenter.ts";
import { inSequence } from "../acoustic/words.ts";
import { stitchAt, type Seam } from "../windows/stitch.ts";
import { mergeCommitted, wordsAfter } from "./commit.ts";
import type { ReadingBudget } from "./reading-budget.ts";
import type { SpanReader } from "../windows/span-reader.ts";

/** One utterance of the client's: the windows read so far and what was promised of the current one. */
export interface Utterance {
  readonly from: number;
  /** Words of finished windows. */
  readonly done: Word[];
  /** Words of the current window that may not change any more. */
  committed: readonly Word[];
  /** It is long enough or was cut: what is said next belongs to another one. */
  full: boolean;
}

export function beginUtterance(from: number): Utterance {
  return { from, done: [], committed: [], full: false };
}

/** The windows that finals are made of: read side by side, added to their utterances in the order of the audio. */
export interface FinalWindows {
  /** Windows that are read and not yet added. */
  readonly unfinished: number;
  /** Frame up to which everything was added, or read by a partial. */
  readonly coveredFrame: number;
  cover(frame: number): void;
  /** Asks for a window. */
  read(span: Span): Promise<Word[]>;
  /** Adds its words once those before it were. @param seamS set when the next window overlaps this one around that time */
  add(utterance: Utterance, span: Span, result: Promise<readonly Word[]>, seamS: number | undefined): void;
  /** Runs when everything so far was added. */
  after(work: () => void): void;
  readonly settled: Promise<void>;
  /**
   * Words of the current window without those that an earlier utterance or window has: of its overlap, or committed beyond its cut.
   * @param isFromStart they were read from the window's beginning
   */
  newWords(words: readonly Word[], isFromStart: boolean): readonly Word[];
}

export interface FinalWindowsOptions {
  readonly frames: FrameBuffer;
  readonly reader: SpanReader;
  readonly msPerFrame: number;
  readonly budget: ReadingBudget;
  readonly signal: AbortSignal;
  /** A window could not be read: its utterance keeps what was promised. */
  readonly onError: (error: unknown) => void;
  readonly onAdded: () => void;
}

export function createFinalWindows(options: FinalWindowsOptions): FinalWindows {
  const { frames, reader, msPerFrame, signal } = options;
  let chain: Promise<void> = Promise.resolve();
  let unfinished = 0;
  let coveredFrame = 0;
  let dueMs = 0;
  /** The last window had no end of its own: the next one overlaps it. Read and written in the chain's order. */
  let seam: Seam | undefined;
  /** Time up to which words were committed that lie behind the cut of their window: the next window hears them again. */
  let promisedToS = 0;
  /** End of the last word of a finished window. */
  let toldToS = 0;

  function newWords(words: readonly Word[], isFromStart: boolean): readonly Word[] {
    const joined = seam && isFromStart ? seam.join(words) : words;
    return promisedToS === 0 ? joined : wordsAfter(joined, promisedToS);
  }

  function tell(utterance: Utterance, words: readonly Word[]): void {
    utterance.done.push(...inSequence(words, toldToS));
    toldToS = utterance.done.at(-1)?.end ?? toldToS;
  }

  return {
    get unfinished() {
      return unfinished;
    },
    get coveredFrame() {
      return coveredFrame;
    },
    cover: (frame) => {
      coveredFrame = Math.max(coveredFrame, frame);
    },
    read(span) {
      const nowMs = performance.now();
      const audioMs = (span.to - span.from) * msPerFrame;
      // A client that sends faster than real time has its finals spread out: others' windows come between.
      options.budget.spend(span.to - span.from);
      dueMs = Math.max(nowMs + WITHIN_MS, dueMs + audioMs * BURST_SHARE);
      return reader.readFinal(frames, span, {
        kind: "live",
        withinMs: dueMs - nowMs,
        signal,
        onReadAgain: options.budget.owe,
      });
    },
    add(utterance, span, result, seamS) {
      unfinished++;
      result.catch(() => {});
      chain = chain.then(async () => {
        try {
          let heard = newWords(await result, true);
          seam = seamS === undefined ? undefined : stitchAt(seamS, heard);
          heard = seam?.kept ?? heard;
          tell(utterance, mergeCommitted(utterance.committed, heard));
        } catch (error) {
          seam = undefined;
          tell(utterance, utterance.committed);
          if (!signal.aborted) options.onError(error);
        }
        const committedToS = utterance.committed.at(-1)?.end ?? 0;
        if (committedToS * 1000 > span.to * msPerFrame) promisedToS = committedToS;
        utterance.committed = [];
        unfinished--;
        coveredFrame = Math.max(coveredFrame, span.to);
        options.onAdded();
      });
    },
    after: (work) => {
      chain = chain.then(work);
    },
    get settled() {
      return chain;
    },
    newWords,
  };
}

// ---

const WITHIN_MS = 100;
/** Of its audio's length, what each window of a burst waits behind the one before. */
const BURST_SHARE = 0.1;
