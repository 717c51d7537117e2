import { setMaxListeners } from "node:events";
import { createActivityDetector } from "../windows/activity.ts";
import { createSampleReader } from "../audio/codec/pcm.ts";
import { createResampler } from "../audio/resample/resample.ts";
import type { EndpointOptions, EndpointReason, Hypothesis, UtteranceEvent, Word } from "../contract.ts";
import { createLogMel } from "../features/log-mel.ts";
import { createFrameBuffer } from "../features/frame-buffer.ts";
import { finalOf } from "../windows/hypothesis.ts";
import { createSegmenter, TAIL_FRAMES, type SegmenterEvent, type Span } from "../windows/segmenter.ts";
import { inSequence, joinWords, meanConfidence } from "../acoustic/words.ts";
import { commitUpTo, countStable, mergeCommitted } from "./commit.ts";
import { beginUtterance, createFinalWindows, type Utterance } from "./final-windows.ts";
import { createReadingBudget } from "./reading-budget.ts";
import { createWindowPartials } from "./window-partials.ts";
import { FILE_PAUSE_FRAMES, quietest, widestGap } from "../file/job.ts";
import type { AudioSettings, StreamOptions } from "../thread/protocol.ts";
import type { SpanReader } from "../windows/span-reader.ts";

export interface LiveSessionOptions {
  readonly options: StreamOptions;
  readonly settings: AudioSettings;
  readonly reader: SpanReader;
  readonly onHypothesis: (hypothesis: Hypothesis) => void;
  readonly onSpeech: () => void;
  readonly onUtterance: (event: UtteranceEvent) => void;
  readonly onError: (error: unknown) => void;
  readonly onCovered: (coveredMs: number) => void;
}

/** One live stream: cheap state between the audio that arrives and the windows that are read. */
export interface LiveSession {
  write(pcm: Uint8Array): void;
  configure(options: EndpointOptions): void;
  end(): Promise<void>;
  abort(): void;
}

/**
 * Utterance-based streaming. The windows that finals are made of depend on the signal alone and are the file's windows:
 * cut where speech pauses, whatever the endpointing. Partials read the current window, or its end, as often as the stream's budget and the machine allow.
 * An utterance is one or more windows; it ends by the endpoint mode's rule.
 */
export function createLiveSession(session: LiveSessionOptions): LiveSession {
  const { settings, reader } = session;
  const { sampleRateHz, codec, channelCount } = session.options;
  let options: EndpointOptions = session.options;
  const { frontEnd } = settings;
  const framesPerSecond = frontEnd.sampleRateHz / frontEnd.hopSamples;
  const msPerFrame = 1000 / framesPerSecond;
  const frames = createFrameBuffer(createLogMel(frontEnd));
  const activity = createActivityDetector(framesPerSecond);
  const isManual = (): boolean => options.endpoint === "manual";
  const silenceFrames = (): number => Math.max(10, Math.round(options.minSilenceMs / msPerFrame));
  const windowSilence = (): number => (isManual() ? FILE_PAUSE_FRAMES : Math.min(FILE_PAUSE_FRAMES, silenceFrames()));
  const maxFrames = Math.floor(settings.windows.maxS * framesPerSecond);
  const segmenter = createSegmenter({ minSilence: windowSilence(), merge: 0, max: maxFrames });
  const pcm = createSampleReader(codec, channelCount);
  const resampler =
    sampleRateHz === frontEnd.sampleRateHz ? undefined : createResampler(sampleRateHz, frontEnd.sampleRateHz);
  const budget = createReadingBudget();
  const stop = new AbortController();
  // One listener for each window under way: a burst has more than the ten that Node expects.
  setMaxListeners(0, stop.signal);
  let seen = 0;
  let ended = false;
  const finals = createFinalWindows({
    frames,
    reader,
    msPerFrame,
    budget,
    signal: stop.signal,
    onError: session.onError,
    onAdded: reportCovered,
  });
  const partials = createWindowPartials({
    settings,
    frames,
    msPerFrame,
    budget,
    reader,
    window: segmenter,
    newWords: finals.newWords,
    onRead,
  });
  let utterance: Utterance | undefined;

  function write(bytes: Uint8Array): void {
    if (ended) return;
    const samples = pcm.push(bytes);
    take(resampler?.push(samples) ?? samples);
    partials.request();
    reportCovered();
  }

  function take(samples: Float32Array): void {
    frames.push(samples);
    while (seen < frames.end) {
      const event = segmenter.push(activity.push(frames.level(seen++)));
      if (event) handle(event);
      budget.heard(segmenter.start === undefined ? 0 : seen - segmenter.start);
      checkEndpoint();
    }
    frames.dropBefore(segmenter.needed);
  }

  function handle(event: SegmenterEvent): void {
    switch (event.type) {
      case "onset":
        session.onSpeech();
        if (utterance?.full) endUtterance("length");
        utterance ??= begin(event.from);
        partials.forget();
        partials.hurry();
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
    partials.forget();
    finals.add(current, span, finals.read(span), undefined);
    if (!isManual() && span.to - current.from >= LONGEST_UTTERANCE_S * framesPerSecond) current.full = true;
  }

  /** The window is full. A pause in the signal is the best place, then one in the decoder's words, then an overlap. */
  function cut(span: Span, pause: Span | undefined): void {
    const current = utterance!;
    if (pause) {
      const at = (pause.from + pause.to) >> 1;
      segmenter.cutAt(at, 0);
      closeWindow({ from: span.from, to: at });
    } else {
      const gap = widestGap(partials.words, { from: span.from, to: partials.readTo }, framesPerSecond);
      if (gap) {
        const at = quietest(frames, gap);
        segmenter.cutAt(at, 0);
        closeWindow({ from: span.from, to: at });
      } else {
        segmenter.cutAt(span.to, OVERLAP_FRAMES);
        partials.forget();
        finals.add(current, span, finals.read(span), (span.to - OVERLAP_FRAMES / 2) / framesPerSecond);
      }
    }
    if (isManual()) return;
    current.full = true;
    // In a pause it is not known yet whether the speaker goes on: silence makes an end of speech of it, the next onset a cut.
    if (segmenter.start === undefined) return;
    endUtterance("length");
    utterance = begin(segmenter.start);
  }

  function begin(from: number): Utterance {
    session.onUtterance({ type: "began", atS: from / framesPerSecond });
    return beginUtterance(from);
  }

  function checkEndpoint(): void {
    if (isManual() || !utterance || segmenter.start !== undefined) return;
    if (segmenter.frames - 1 - segmenter.lastSpeech >= silenceFrames()) endUtterance("vad");
  }

  function endUtterance(reason: EndpointReason): void {
    const current = utterance;
    if (!current) return;
    utterance = undefined;
    const to = segmenter.start ?? segmenter.lastSpeech + 1;
    const event = { atS: Math.max(current.from, to) / framesPerSecond };
    if (reason !== "stop") session.onUtterance({ type: "ended", ...event });
    finals.after(() => {
      if (stop.signal.aborted) return;
      if (current.done.length === 0 && reason !== "stop") session.onUtterance({ type: "empty", ...event });
      else session.onHypothesis(finalOf(current.done, reason));
    });
  }

  // --- partials

  function onRead(span: Span): void {
    finals.cover(span.to);
    if (utterance) {
      tell(utterance, span);
      endOnBlanks(utterance, span);
    }
    reportCovered();
  }

  function tell(current: Utterance, span: Span): void {
    if (finals.unfinished > 0 || stop.signal.aborted) return;
    const words = mergeCommitted(current.committed, partials.words);
    // Of a longer window the beginning was last heard by readings that are too short to promise anything: it waits for the final.
    const mayCommit = span.to - (segmenter.start ?? span.from) <= COMMIT_WITHIN_S * framesPerSecond;
    const reading = { words: partials.words, heardToS: span.to / framesPerSecond };
    const stable = mayCommit ? countStable(options.commitPolicy, reading, partials.earlier) : 0;
    current.committed = commitUpTo(current.committed, words, partials.words[stable - 1]);
    const all = inSequence([...current.done, ...withoutGuess(words, reading.heardToS)]);
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
    const from = segmenter.start;
    if (from === undefined) return;
    if (partials.words.length !== (partials.earlier[0]?.words.length ?? 0) && partials.words.length > 0) return;
    const heardUntil = Math.max(from, Math.ceil((partials.words.at(-1)?.end ?? 0) * framesPerSecond));
    const blank = span.to - heardUntil;
    if (segmenter.lastSpeech < span.to - TAIL_FRAMES) return;
    const extra = partials.words.length === 0 ? UNHEARD_EXTRA_FRAMES : BLANK_EXTRA_FRAMES;
    if (blank < Math.max(silenceFrames(), FILE_PAUSE_FRAMES) + extra) return;
    const at = Math.min(span.to, heardUntil + TAIL_FRAMES);
    const hasWords = partials.words.length + current.committed.length > 0;
    activity.learnNoise();
    segmenter.cutAt(span.to, 0);
    if (hasWords) closeWindow({ from, to: at });
    else partials.forget();
    if (options.endpoint === "auto") endUtterance("blank");
    if (segmenter.start !== undefined) utterance ??= begin(segmenter.start);
  }

  // --- end

  async function end(): Promise<void> {
    if (ended) return finals.settled;
    const rest = resampler?.flush();
    if (rest) take(rest);
    ended = true;
    partials.stop();
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
    configure(next) {
      options = next;
      segmenter.endAfter(windowSilence());
    },
    end,
    abort() {
      ended = true;
      partials.stop();
      stop.abort(new Error("the session has ended"));
    },
  };
}

// ---

/** The words without the last one where the audio ends in it and the model is unsure of it: it is half a word, and would be taken back. A lone word is shown. */
function withoutGuess(words: readonly Word[], heardToS: number): readonly Word[] {
  const last = words.at(-1);
  const isGuess = last !== undefined && last.confidence < SURE && last.end > heardToS - EDGE_S;
  return isGuess && words.length > 1 ? words.slice(0, -1) : words;
}

/**
 * Simulated with eight streams (ADR 0041): of 100 words 46 are taken back in lectures and 58 in dialog, without this 58 and 70; words are visible 0.03 s later.
 * At 0.9: 36 words, 0.12 s later.
 */
const SURE = 0.8;
const EDGE_S = 0.15;
const OVERLAP_FRAMES = 100;
/**
 * The decoder's silence counts only when it is this much longer than the endpoint's: words come late. In the evaluation clips a partial
 * lacked up to 1.6 s of words that were being spoken (13 of 539 gaps above 1.2 s, none above 1.6): ADR 0032.
 */
const BLANK_EXTRA_FRAMES = 180;
/** The first words of an utterance come later still, and cutting before them would lose them. */
const UNHEARD_EXTRA_FRAMES = 300;
/** Simulated dialog: 21 % of the words committed before their final without one more word error; with 6 s 26 %, and 0.9 points more (ADR 0041). */
const COMMIT_WITHIN_S = 4.5;
const LONGEST_UTTERANCE_S = 24;
