import type { Word } from "../contract.ts";
import type { FrameBuffer } from "../features/frame-buffer.ts";
import type { Span } from "../windows/segmenter.ts";
import { keepReadings, type Reading } from "./commit.ts";
import { createPartialPace } from "./partial-pace.ts";
import type { AudioSettings } from "../thread/protocol.ts";
import type { SpanReader } from "../windows/span-reader.ts";
import { setTimeout } from "../../shared/timers.ts";

/** The current window of a live stream, read again and again from its beginning while it grows. */
export interface WindowPartials {
  /** What the newest reading heard. */
  readonly words: readonly Word[];
  /** The readings before it, the newest first. */
  readonly earlier: readonly Reading[];
  /** Frame after the last one read; 0 = nothing read yet. */
  readonly readTo: number;
  /** Reads the window once more, now or when it is time, if speech came since the last reading. */
  request(): void;
  /** The window has ended, or another has begun: what was read is forgotten, a reading under way dropped. */
  forget(): void;
  /** An utterance begins: its first reading need not wait. */
  hurry(): void;
  /** Nothing is read any more. */
  stop(): void;
}

export interface WindowPartialsOptions {
  /** The stream's number: its windows carry it. */
  readonly stream: number;
  readonly settings: Pick<AudioSettings, "partialIntervalMinMs" | "partialIntervalMaxMs">;
  readonly frames: FrameBuffer;
  readonly msPerFrame: number;
  readonly reader: SpanReader;
  /** First frame of the current window and its last one with speech; `start` is undefined in silence. */
  readonly window: { readonly start: number | undefined; readonly lastSpeech: number };
  /** Words that no window before has. */
  readonly newWords: (words: readonly Word[]) => readonly Word[];
  /** A reading has come, and is `words` now. */
  readonly onRead: (span: Span) => void;
}

export function createWindowPartials(options: WindowPartialsOptions): WindowPartials {
  const { settings, frames, msPerFrame, reader, window } = options;
  const pace = createPartialPace(settings);
  let newest: Newest = nothingRead();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  function request(): void {
    const { start, lastSpeech } = window;
    if (start === undefined || newest.busy || stopped) return;
    const to = frames.end;
    const isNew = lastSpeech >= newest.readTo;
    if (!isNew || to - Math.max(start, newest.readTo) < settings.partialIntervalMinMs / msPerFrame) return;
    const { waitMs } = pace;
    if (waitMs > 0) askAgainIn(waitMs);
    else read({ from: start, to });
  }

  function askAgainIn(waitMs: number): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      request();
    }, waitMs);
  }

  function read(span: Span): void {
    const stop = new AbortController();
    const withinMs = newest.readTo === 0 ? FIRST_WITHIN_MS : pace.latencyMs;
    const answered = pace.begin();
    const result = reader.read(frames, span, { kind: "live", stream: options.stream, withinMs, signal: stop.signal });
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
          words: options.newWords(words),
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
        askAgainIn(settings.partialIntervalMaxMs);
      },
    );
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
