import type { Word } from "../contract.ts";
import type { FrameBuffer } from "../features/frame-buffer.ts";
import type { Span } from "../windows/segmenter.ts";
import { keepReadings, type Reading } from "./commit.ts";
import type { ReadingBudget } from "./reading-budget.ts";
import { stitchAt } from "../windows/stitch.ts";
import { createPartialPace } from "./partial-pace.ts";
import type { AudioSettings } from "../thread/protocol.ts";
import type { SpanReader } from "../windows/span-reader.ts";
import { setTimeout } from "../../shared/time/timers.ts";

/** The current window of a live stream, read again and again while it grows: as a whole while it is short, then by its last seconds. */
export interface WindowPartials {
  /** What the newest reading heard. */
  readonly words: readonly Word[];
  /** The readings before it, the newest first. */
  readonly earlier: readonly Reading[];
  /** Frame after the last one read; 0 = nothing read yet. */
  readonly readTo: number;
  /** Reads it once more, now or when it is time, if speech came since the last reading and the budget allows it. */
  request(): void;
  /** The window has ended, or another has begun: what was read is forgotten, a reading under way dropped. */
  forget(): void;
  /** An utterance begins: its first reading need not wait. */
  hurry(): void;
  /** Nothing is read any more. */
  stop(): void;
}

export interface WindowPartialsOptions {
  readonly settings: Pick<AudioSettings, "partialIntervalMinMs" | "partialIntervalMaxMs">;
  readonly frames: FrameBuffer;
  readonly msPerFrame: number;
  readonly budget: ReadingBudget;
  readonly reader: SpanReader;
  /** First frame of the current window and its last one with speech; `start` is undefined in silence. */
  readonly window: { readonly start: number | undefined; readonly lastSpeech: number };
  /** Those of a reading's words that no window before has. */
  readonly newWords: (words: readonly Word[], isFromStart: boolean) => readonly Word[];
  /** A reading has come, and is `words` now. */
  readonly onRead: (span: Span) => void;
}

export function createWindowPartials(options: WindowPartialsOptions): WindowPartials {
  const { settings, frames, msPerFrame, budget, reader, window } = options;
  const pace = createPartialPace(settings);
  let newest: Newest = nothingRead();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  function request(): void {
    const { start, lastSpeech } = window;
    if (start === undefined || newest.busy || stopped) return;
    const to = frames.end;
    const from = to - start > LONGEST_FRAMES + SHORTEST_HEAD_FRAMES ? to - LONGEST_FRAMES : start;
    const isNew = lastSpeech >= newest.readTo;
    const fresh = to - Math.max(start, newest.readTo);
    const least = Math.max(settings.partialIntervalMinMs / msPerFrame, (to - from) * LEAST_FRESH_SHARE);
    // The next audio asks again.
    if (!isNew || fresh < least || to - from > budget.left) return;
    const { waitMs } = pace;
    if (waitMs > 0) askAgainIn(waitMs);
    else read({ from, to });
  }

  function askAgainIn(waitMs: number): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      request();
    }, waitMs);
  }

  function read(span: Span): void {
    budget.spend(span.to - span.from);
    const joined = joinTo(newest, span);
    const stop = new AbortController();
    const withinMs = newest.readTo === 0 ? FIRST_WITHIN_MS : pace.latencyMs;
    const answered = pace.begin();
    const result = reader.read(frames, span, { kind: "live", withinMs, signal: stop.signal });
    const mine: Newest = { ...newest, stop, busy: true };
    newest = mine;
    result.then(
      (words) => {
        answered();
        if (newest !== mine) return;
        newest = {
          ...mine,
          busy: false,
          earlier: keepReadings([{ words: mine.words, heardToS: (mine.readTo * msPerFrame) / 1000 }, ...mine.earlier]),
          words: joined(words),
          readTo: span.to,
        };
        options.onRead(span);
        request();
      },
      () => {
        // The window's final reports what is wrong; a reading that was overtaken is only skipped. One that failed is tried again:
        // a client that is held back until it is read sends nothing that would ask for the next.
        if (newest !== mine || stopped) return;
        newest = { ...mine, busy: false };
        budget.spend(span.from - span.to);
        askAgainIn(settings.partialIntervalMaxMs);
      },
    );
  }

  /** What a reading of the span makes of the words before: up to the middle of what both heard they stay. */
  function joinTo(before: Newest, span: Span): (words: readonly Word[]) => readonly Word[] {
    if (span.from === window.start) return (words) => options.newWords(words, true);
    const overlap = Math.max(2 * SHORTEST_HEAD_FRAMES, before.readTo - span.from);
    const seam = stitchAt(((span.from + overlap / 2) * msPerFrame) / 1000, before.words);
    return (words) => [...seam.kept, ...options.newWords(seam.join(words), false)];
  }

  return {
    get words() {
      return newest.words;
    },
    get earlier() {
      return newest.earlier;
    },
    get readTo() {
      return newest.readTo;
    },
    request,
    forget() {
      newest.stop?.abort(SUPERSEDED);
      newest = nothingRead();
    },
    hurry: () => pace.reset(),
    stop() {
      stopped = true;
      clearTimeout(timer);
      newest.stop?.abort(SUPERSEDED);
    },
  };
}

// ---

/**
 * A longer window is read by its last 2.5 s, and the words before stay as they were heard. Simulated (ADR 0041): with 2 s more words are taken back
 * than with 2.5 s, with 3 s they come later, for the budget allows fewer readings.
 */
const LONGEST_FRAMES = 250;
const SHORTEST_HEAD_FRAMES = 20;
/** Of a partial's length: a little new at the end of much that is known is read with what comes next. */
const LEAST_FRESH_SHARE = 0.25;
const FIRST_WITHIN_MS = 150;
const SUPERSEDED = new Error("a newer window replaces this one");

interface Newest {
  readonly stop: AbortController | undefined;
  readonly busy: boolean;
  readonly words: readonly Word[];
  readonly earlier: readonly Reading[];
  readonly readTo: number;
}

function nothingRead(): Newest {
  return { stop: undefined, busy: false, words: [], earlier: [], readTo: 0 };
}
