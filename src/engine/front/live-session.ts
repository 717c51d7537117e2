import { setMaxListeners } from "node:events";
import { createActivityDetector } from "../activity.ts";
import { createPcm16Reader } from "../audio/pcm.ts";
import { createResampler } from "../audio/resample.ts";
import type { EndpointReason, Hypothesis, Word } from "../contract.ts";
import { createLogMel } from "../features.ts";
import { createFrameBuffer } from "../frames.ts";
import { finalOf } from "../hypothesis.ts";
import { createSegmenter, TAIL_FRAMES, type SegmenterEvent, type Span } from "../segmenter.ts";
import { joinWords, meanConfidence } from "../words.ts";
import { commitUpTo, countStable, keepReadings, mergeCommitted } from "./commit.ts";
import type { Reading } from "./commit.ts";
import { beginUtterance, createFinalWindows, type Utterance } from "./final-windows.ts";
import { createPartialPace } from "./partial-pace.ts";
import { FILE_PAUSE_FRAMES, quietest, widestGap } from "./file-job.ts";
import type { FrontSettings, StreamOptions } from "./protocol.ts";
import type { SpanReader } from "./recognizer.ts";

export interface LiveSessionOptions {
  /** The stream's number: its windows carry it. */
  readonly id: number;
  readonly options: StreamOptions;
  readonly settings: FrontSettings;
  readonly reader: SpanReader;
  readonly onHypothesis: (hypothesis: Hypothesis) => void;
  readonly onError: (error: unknown) => void;
  readonly onCovered: (coveredMs: number) => void;
}

/** One live stream: cheap state between the audio that arrives and the windows that are read. */
export interface LiveSession {
  write(pcm: Uint8Array): void;
  end(): Promise<void>;
  abort(): void;
}

/**
 * Utterance-based streaming. The windows that finals are made of depend on the signal alone and are the file's windows:
 * cut where speech pauses, whatever the endpointing. Partials re-read the current window whenever the machine has time.
 * An utterance is one or more windows; it ends by the endpoint mode's rule.
 */
export function createLiveSession(session: LiveSessionOptions): LiveSession {
  const { options, settings, reader } = session;
  const { frontEnd } = settings;
  const framesPerSecond = frontEnd.sampleRateHz / frontEnd.hopSamples;
  const msPerFrame = 1000 / framesPerSecond;
  const frames = createFrameBuffer(createLogMel(frontEnd));
  const activity = createActivityDetector(framesPerSecond);
  const silenceFrames = Math.max(10, Math.round(options.minSilenceMs / msPerFrame));
  const isManual = options.endpoint === "manual";
  const maxFrames = Math.floor(settings.windows.maxS * framesPerSecond);
  const segmenter = createSegmenter({
    minSilence: isManual ? FILE_PAUSE_FRAMES : Math.min(FILE_PAUSE_FRAMES, silenceFrames),
    merge: 0,
    max: maxFrames,
  });
  const pcm = createPcm16Reader();
  const resampler =
    options.sampleRateHz === frontEnd.sampleRateHz
      ? undefined
      : createResampler(options.sampleRateHz, frontEnd.sampleRateHz);
  const stop = new AbortController();
  // One listener for each window under way: a burst has more than the ten that Node expects.
  setMaxListeners(0, stop.signal);
  let seen = 0;
  let ended = false;
  const finals = createFinalWindows({
    stream: session.id,
    frames,
    reader,
    msPerFrame,
    signal: stop.signal,
    onError: session.onError,
    onAdded: reportCovered,
  });
  const pace = createPartialPace(settings);
  let utterance: Utterance | undefined;
  let partial: Partial = noPartial();
  let timer: NodeJS.Timeout | undefined;

  function write(bytes: Uint8Array): void {
    if (ended) return;
    const samples = pcm.push(bytes);
    take(resampler?.push(samples) ?? samples);
    requestPartial();
    reportCovered();
  }

  function take(samples: Float32Array): void {
    frames.push(samples);
    while (seen < frames.end) {
      const event = segmenter.push(activity.push(frames.level(seen++)));
      if (event) handle(event);
      checkEndpoint();
    }
    frames.dropBefore(segmenter.needed);
  }

  function handle(event: SegmenterEvent): void {
    switch (event.type) {
      case "onset":
        if (utterance?.full) endUtterance("length");
        utterance ??= beginUtterance(event.from);
        partial = noPartial();
        pace.reset();
        return;
      case "pause":
        closeWindow(event.span);
        return;
      case "limit":
        cut(event.span, event.pause);
        return;
    }
  }

  function closeWindow(span: Span): void {
    const current = utterance!;
    partial.stop?.abort(SUPERSEDED);
    const result = finals.read(span);
    partial = noPartial();
    finals.add(current, span, result, undefined);
    if (!isManual && span.to - current.from >= LONGEST_UTTERANCE_S * framesPerSecond) current.full = true;
  }

  /** The window is full. A pause in the signal is the best place, then one in the decoder's words, then an overlap. */
  function cut(span: Span, pause: Span | undefined): void {
    const current = utterance!;
    if (pause) {
      const at = (pause.from + pause.to) >> 1;
      segmenter.cutAt(at, 0);
      closeWindow({ from: span.from, to: at });
    } else {
      const gap = widestGap(partial.words, { from: span.from, to: partial.readTo }, framesPerSecond);
      if (gap) {
        const at = quietest(frames, gap);
        segmenter.cutAt(at, 0);
        closeWindow({ from: span.from, to: at });
      } else {
        segmenter.cutAt(span.to, OVERLAP_FRAMES);
        partial.stop?.abort(SUPERSEDED);
        partial = noPartial();
        const result = finals.read(span);
        finals.add(current, span, result, (span.to - OVERLAP_FRAMES / 2) / framesPerSecond);
      }
    }
    if (isManual) return;
    current.full = true;
    // In a pause it is not known yet whether the speaker goes on: silence makes an end of speech of it, the next onset a cut.
    if (segmenter.start === undefined) return;
    endUtterance("length");
    utterance = beginUtterance(segmenter.start);
  }

  function checkEndpoint(): void {
    if (isManual || !utterance || segmenter.start !== undefined) return;
    if (segmenter.frames - 1 - segmenter.lastSpeech >= silenceFrames) endUtterance("vad");
  }

  function endUtterance(reason: EndpointReason): void {
    const current = utterance;
    if (!current) return;
    utterance = undefined;
    current.ended = true;
    finals.after(() => {
      if (stop.signal.aborted || (current.done.length === 0 && reason !== "stop")) return;
      session.onHypothesis(finalOf(current.done, reason));
    });
  }

  // --- partials

  function requestPartial(): void {
    const start = segmenter.start;
    if (start === undefined || partial.busy || ended) return;
    const to = frames.end;
    const isNew = segmenter.lastSpeech >= partial.readTo;
    if (!isNew || to - Math.max(start, partial.readTo) < settings.partialIntervalMinMs / msPerFrame) return;
    const { waitMs } = pace;
    if (waitMs > 0) {
      timer ??= setTimeout(askAgain, waitMs);
      return;
    }
    startPartial({ from: start, to }, partial.readTo === 0 ? FIRST_WITHIN_MS : pace.latencyMs);
  }

  function askAgain(): void {
    timer = undefined;
    requestPartial();
  }

  function startPartial(span: Span, withinMs: number): void {
    const own = new AbortController();
    const answered = pace.begin();
    const result = reader.read(frames, span, { kind: "live", stream: session.id, withinMs, signal: own.signal });
    const current = utterance!;
    const mine: Partial = { ...partial, stop: own, busy: true };
    partial = mine;
    result.then(
      (words) => {
        answered();
        if (partial !== mine) return;
        const fresh = finals.newWords(words);
        partial = {
          ...mine,
          busy: false,
          earlier: keepReadings([{ words: mine.words, heardToS: mine.readTo / framesPerSecond }, ...mine.earlier]),
          words: fresh,
          readTo: span.to,
        };
        finals.cover(span.to);
        tell(current, span);
        endOnBlanks(current, span);
        requestPartial();
        reportCovered();
      },
      () => {
        // The window's final reports what is wrong; a partial that was overtaken is only skipped. One that failed is tried again:
        // a client that is held back until it is read sends nothing that would ask for the next.
        if (partial !== mine || ended) return;
        partial = { ...mine, busy: false };
        timer ??= setTimeout(askAgain, settings.partialIntervalMaxMs);
      },
    );
  }

  function tell(current: Utterance, span: Span): void {
    if (current.ended || finals.unfinished > 0 || stop.signal.aborted) return;
    const words = mergeCommitted(current.committed, partial.words);
    const stable = countStable(
      options.commitPolicy,
      { words: partial.words, heardToS: span.to / framesPerSecond },
      partial.earlier,
    );
    current.committed = commitUpTo(current.committed, words, partial.words[stable - 1]);
    const all = [...current.done, ...words];
    if (all.length === 0) return;
    const committed = joinWords(options.commitPolicy === "on_finalize" ? [] : [...current.done, ...current.committed]);
    const text = joinWords(all);
    session.onHypothesis({
      type: "partial",
      committed,
      tentative: text.slice(committed.length),
      words: all,
      confidence: meanConfidence(all),
      endpointReason: undefined,
      speechFinal: false,
    });
  }

  /** The signal never falls silent, but the decoder hears nothing any more: background noise. Not in `assistant` mode, which wants silence. */
  function endOnBlanks(current: Utterance, span: Span): void {
    if (current.ended || utterance !== current || segmenter.start !== span.from) return;
    if (partial.words.length !== (partial.earlier[0]?.words.length ?? 0) && partial.words.length > 0) return;
    const heardUntil = Math.max(span.from, Math.ceil((partial.words.at(-1)?.end ?? 0) * framesPerSecond));
    const blank = span.to - heardUntil;
    if (segmenter.lastSpeech < span.to - TAIL_FRAMES) return;
    const extra = partial.words.length === 0 ? UNHEARD_EXTRA_FRAMES : BLANK_EXTRA_FRAMES;
    if (blank < Math.max(silenceFrames, FILE_PAUSE_FRAMES) + extra) return;
    const at = Math.min(span.to, heardUntil + TAIL_FRAMES);
    const hasWords = partial.words.length + current.committed.length > 0;
    activity.learnNoise();
    segmenter.cutAt(span.to, 0);
    if (hasWords) closeWindow({ from: span.from, to: at });
    else partial = noPartial();
    if (options.endpoint === "auto") endUtterance("blank");
    if (segmenter.start !== undefined) utterance ??= beginUtterance(segmenter.start);
  }

  // --- end

  async function end(): Promise<void> {
    if (ended) return finals.settled;
    const rest = resampler?.flush();
    if (rest) take(rest);
    ended = true;
    clearTimeout(timer);
    frames.finish();
    take(new Float32Array(0));
    const span = segmenter.end();
    const isUntouched =
      frames.first === 0 && frames.end > 0 && finals.coveredFrame === 0 && !utterance && finals.unfinished === 0;
    utterance ??= beginUtterance(frames.end);
    if (span) closeWindow(span);
    // Too short or too soft for the detector: read it as a file of that length would be.
    else if (isUntouched && frames.end <= maxFrames) closeWindow({ from: 0, to: frames.end });
    endUtterance("stop");
    await finals.settled;
  }

  function reportCovered(): void {
    const start = segmenter.start;
    const { unfinished, coveredFrame } = finals;
    const frame = unfinished > 0 ? coveredFrame : start === undefined ? seen : Math.max(start, coveredFrame);
    session.onCovered(frame * msPerFrame);
  }

  return {
    write,
    end,
    abort() {
      ended = true;
      clearTimeout(timer);
      partial.stop?.abort(SUPERSEDED);
      stop.abort(new Error("the session has ended"));
    },
  };
}

// ---

const FIRST_WITHIN_MS = 150;
const OVERLAP_FRAMES = 100;
/**
 * The decoder's silence counts only when it is this much longer than the endpoint's: words come late. In the evaluation clips a partial
 * lacked up to 1.6 s of words that were being spoken (13 of 539 gaps above 1.2 s, none above 1.6): ADR 0032.
 */
const BLANK_EXTRA_FRAMES = 180;
/** The first words of an utterance come later still, and cutting before them would lose them. */
const UNHEARD_EXTRA_FRAMES = 300;
const LONGEST_UTTERANCE_S = 24;
const SUPERSEDED = new Error("a newer window replaces this one");

/** The newest reading of the current window. */
interface Partial {
  readonly stop: AbortController | undefined;
  readonly busy: boolean;
  readonly words: readonly Word[];
  /** The readings before, the newest first. */
  readonly earlier: readonly Reading[];
  /** Frame after the last one read; 0 = nothing read yet. */
  readonly readTo: number;
}

function noPartial(): Partial {
  return { stop: undefined, busy: false, words: [], earlier: [], readTo: 0 };
}
