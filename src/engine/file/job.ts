import { setMaxListeners } from "node:events";
import type { FrontEnd } from "../../models/manifest.ts";
import { segmentsOf } from "../../shared/transcript/segments.ts";
import { createActivityDetector } from "../windows/activity.ts";
import { decodeAudio } from "../audio/decode.ts";
import { readLanes } from "../audio/lanes.ts";
import type { Hypothesis, Transcript, WindowReading, Word } from "../contract.ts";
import { createLogMel } from "../features/log-mel.ts";
import { createFrameBuffer, type FrameBuffer } from "../features/frame-buffer.ts";
import { finalOf } from "../windows/hypothesis.ts";
import { createPeakMeter } from "./peaks.ts";
import { createSegmenter, REAL_PAUSE, type SegmenterEvent, type Span } from "../windows/segmenter.ts";
import { stitchAt } from "../windows/stitch.ts";
import { inSequence, joinWords, meanConfidence } from "../acoustic/words.ts";
import type { FileOptions, AudioSettings } from "../thread/protocol.ts";
import type { SpanReader } from "../windows/span-reader.ts";

export interface FileJob {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly options: FileOptions;
  readonly settings: AudioSettings;
  readonly reader: SpanReader;
  readonly signal: AbortSignal;
  /** Resolves when the work may go on: it may have been suspended. */
  readonly mayGoOn: () => Promise<void> | undefined;
  readonly onProgress: (doneS: number, totalS: number | undefined) => void;
  readonly onReading: (reading: WindowReading) => void;
  /** Resolves when the consumer has taken it. */
  readonly onHypothesis: (hypothesis: Hypothesis) => Promise<void>;
}

/** Pauses that end an utterance of a file, in frames: the same as a stream's default endpoint, so both read the same windows. */
export const FILE_PAUSE_FRAMES = 60;

/** Recognises a recording window by window while it is decoded. Memory does not depend on its length. */
export async function runFileJob(job: FileJob): Promise<Transcript[]> {
  const { settings, options } = job;
  const decoded = await decodeAudio(job.bytes, {
    ...(options.headerless && { headerless: options.headerless }),
    strict: options.strict,
    ...(options.track !== undefined && { track: options.track }),
    maxDurationMs: options.maxDurationMs,
    signal: job.signal,
  });
  const split = options.channels === "split";
  const lanes = Array.from({ length: split ? decoded.channelCount : 1 }, (_, lane) =>
    createLane(job, lane, split && decoded.channelCount > 1 ? { channel: lane } : {}),
  );
  const report = (): void => job.onProgress(Math.min(...lanes.map((lane) => lane.doneS)), decoded.totalS);
  for (const lane of lanes) lane.onAdvance = report;
  const meter = options.wantsPeaks ? createPeakMeter() : undefined;
  try {
    const { sampleRateHz } = settings.frontEnd;
    for await (const parts of readLanes(decoded, { sampleRateHz, split })) {
      const pause = job.mayGoOn();
      if (pause !== undefined) {
        await pause;
        job.signal.throwIfAborted();
      }
      meter?.push(parts);
      for (const [index, lane] of lanes.entries()) await lane.push(parts[index]!);
    }
    const transcripts: Transcript[] = [];
    const common = { warnings: decoded.warnings, ...(meter && { peaks: meter.peaks() }) };
    for (const lane of lanes) transcripts.push({ ...(await lane.finish()), ...common });
    return transcripts;
  } finally {
    for (const lane of lanes) lane.stop();
  }
}

// ---

interface Lane {
  readonly doneS: number;
  onAdvance: () => void;
  push(samples: Float32Array): Promise<void>;
  finish(): Promise<Omit<Transcript, "warnings">>;
  /** Forgets windows that are still under way. */
  stop(): void;
}

/** Words of a window that are new, given those of the overlapping window before it. */
type Join = (heard: readonly Word[]) => readonly Word[];

/** How soon a file's window should be read: later than anything live, but not never. */
const FILE_WITHIN_MS = 3000;
const OVERLAP_FRAMES = 100;

function createLane(job: FileJob, number: number, mark: Pick<Hypothesis, "channel">): Lane {
  const { settings, reader } = job;
  const frontEnd: FrontEnd = settings.frontEnd;
  const frames: FrameBuffer = createFrameBuffer(createLogMel(frontEnd));
  const framesPerSecond = frontEnd.sampleRateHz / frontEnd.hopSamples;
  const activity = createActivityDetector(framesPerSecond);
  const maxFrames = Math.floor(settings.windows.maxS * framesPerSecond);
  const segmenter = createSegmenter({
    minSilence: FILE_PAUSE_FRAMES,
    merge: Math.floor(settings.windows.mergeS * framesPerSecond),
    max: maxFrames,
  });
  const stop = new AbortController();
  const signal = AbortSignal.any([job.signal, stop.signal]);
  setMaxListeners(0, signal);
  const known = new Map(
    job.options.known
      .filter(({ lane }) => lane === number)
      .map((reading) => [`${reading.from}-${reading.to}`, reading.words]),
  );
  const words: Word[] = [];
  let seen = 0;
  let doneS = 0;
  let underWay = 0;
  let dispatched = false;
  /** Results are appended in the order of their windows. */
  let chain: Promise<void> = Promise.resolve();
  let failed: unknown;
  let wake: (() => void) | undefined;
  /** The last window had no end of its own: the next one overlaps it. */
  let pendingJoin: Join | undefined;
  const lane: Lane = {
    get doneS() {
      return doneS;
    },
    onAdvance: () => {},
    push,
    finish,
    stop: () => stop.abort(new Error("the file's work has ended")),
  };

  async function read(span: Span): Promise<readonly Word[]> {
    const before = known.get(`${span.from}-${span.to}`);
    if (before !== undefined) return before;
    const heard = await reader.readFinal(frames, span, { kind: "file", withinMs: FILE_WITHIN_MS, signal });
    job.onReading({ lane: number, ...span, words: heard });
    return heard;
  }

  function dispatch(span: Span): Promise<readonly Word[]> {
    dispatched = true;
    underWay++;
    const result = read(span);
    const settled = result.finally(() => {
      underWay--;
      wake?.();
    });
    // The chain reports a rejection; this promise may be looked at later or never.
    settled.catch(() => {});
    return settled;
  }

  function append(span: Span, result: Promise<readonly Word[]>, join?: Join): void {
    chain = chain.then(async () => {
      const heard = await result;
      const added = inSequence(join ? join(heard) : heard, words.at(-1)?.end);
      for (const word of added) words.push(word);
      doneS = Math.max(doneS, span.to / framesPerSecond);
      lane.onAdvance();
      if (!job.options.wantsHypotheses || added.length === 0) return;
      await job.onHypothesis({ ...finalOf(added, "vad"), ...mark });
    });
    chain.catch((error: unknown) => {
      failed ??= error;
      wake?.();
    });
  }

  async function waitForRoom(): Promise<void> {
    const isFull = (): boolean => underWay >= settings.parallelWindows && failed === undefined;
    while (isFull()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (failed !== undefined) throw failed;
    signal.throwIfAborted();
  }

  async function handle(event: SegmenterEvent): Promise<void> {
    if (event.type === "onset") return;
    if (event.type === "pause") {
      await readSpan(event.span);
      return;
    }
    if (event.pause) {
      const at = (event.pause.from + event.pause.to) >> 1;
      segmenter.cutAt(at, 0);
      await readSpan({ from: event.span.from, to: at });
      return;
    }
    await cutWithoutPause(event.span);
  }

  /** The signal has no pause: the decoder's blanks may, else the next window overlaps and the words are stitched. */
  async function cutWithoutPause(span: Span): Promise<void> {
    await waitForRoom();
    const heard = await dispatch(span);
    const join = pendingJoin;
    pendingJoin = undefined;
    const added = join ? join(heard) : heard;
    const gap = widestGap(added, span, framesPerSecond);
    if (gap) {
      const at = quietest(frames, gap);
      segmenter.cutAt(at, 0);
      append({ from: span.from, to: at }, Promise.resolve(added.filter((word) => word.end * framesPerSecond <= at)));
    } else {
      segmenter.cutAt(span.to, OVERLAP_FRAMES);
      const seam = stitchAt((span.to - OVERLAP_FRAMES / 2) / framesPerSecond, added);
      append(span, Promise.resolve(seam.kept));
      pendingJoin = (right) => seam.join(right);
    }
    frames.dropBefore(segmenter.needed);
  }

  async function readSpan(span: Span): Promise<void> {
    await waitForRoom();
    const join = pendingJoin;
    pendingJoin = undefined;
    append(span, dispatch(span), join);
    frames.dropBefore(segmenter.needed);
  }

  async function push(samples: Float32Array): Promise<void> {
    frames.push(samples);
    while (seen < frames.end) {
      const event = segmenter.push(activity.push(frames.level(seen++)));
      if (event) await handle(event);
    }
    if (dispatched || seen > maxFrames) frames.dropBefore(segmenter.needed);
    if (failed !== undefined) throw failed;
    if (segmenter.start === undefined && underWay === 0) {
      doneS = Math.max(doneS, seen / framesPerSecond);
      lane.onAdvance();
    }
  }

  async function finish(): Promise<Omit<Transcript, "warnings">> {
    frames.finish();
    while (seen < frames.end) {
      const event = segmenter.push(activity.push(frames.level(seen++)));
      if (event) await handle(event);
    }
    const rest = segmenter.end();
    // Too short or too soft for the detector: the whole recording is one window.
    const isUnheard = !dispatched && !rest && frames.first === 0 && frames.end <= maxFrames;
    if (rest) await readSpan(rest);
    else if (isUnheard && frames.end > 0) await readSpan({ from: 0, to: frames.end });
    await chain;
    doneS = frames.samples / frontEnd.sampleRateHz;
    lane.onAdvance();
    const transcript = {
      text: joinWords(words),
      words,
      durationS: Math.round(doneS * 1000) / 1000,
      confidence: meanConfidence(words),
    };
    return { ...transcript, segments: segmentsOf(transcript) };
  }

  return lane;
}

/** The widest stretch without a token in the later half of a window, at least twice a real pause. */
export function widestGap(words: readonly Word[], span: Span, framesPerSecond: number): Span | undefined {
  const earliest = (span.from + span.to) / 2;
  let best: Span | undefined;
  for (let k = 0; k + 1 < words.length; k++) {
    const gap = {
      from: Math.ceil(words[k]!.end * framesPerSecond),
      to: Math.floor(words[k + 1]!.start * framesPerSecond),
    };
    if (gap.from < earliest || gap.to - gap.from < 2 * REAL_PAUSE) continue;
    if (!best || gap.to - gap.from > best.to - best.from) best = gap;
  }
  return best;
}

/** The quietest 50 ms in a gap. */
export function quietest(frames: FrameBuffer, gap: Span): number {
  let best = (gap.from + gap.to) >> 1;
  let lowest = Infinity;
  for (let frame = gap.from + 2; frame < gap.to - 2; frame++) {
    let sum = 0;
    for (let near = frame - 2; near <= frame + 2; near++) sum += frames.level(near);
    if (sum < lowest) {
      lowest = sum;
      best = frame;
    }
  }
  return best;
}
