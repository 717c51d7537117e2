import type { HotWord } from "../shared/hot-words.ts";
import type { AudioWarning } from "../shared/audio-problem.ts";
import type { CommitPolicy, EndpointMode } from "../config/types.ts";
import type { SampleEncoding } from "./audio/codec/pcm.ts";

/** A recognised word. Times in seconds from the start of the audio or stream, rounded to milliseconds. */
export interface Word {
  readonly word: string;
  readonly start: number;
  readonly end: number;
  /** Mean token probability, 0..1. */
  readonly confidence: number;
}

/** A stretch of text between two pauses. Times in seconds. */
export interface Segment {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The words of one window of a recording, as they were read. */
export interface WindowReading {
  /** Channel, from 0; 0 for the mix. */
  readonly lane: number;
  /** Feature frames, `to` exclusive. */
  readonly from: number;
  readonly to: number;
  readonly words: readonly Word[];
}

/** What was said in one channel of one recording. */
export interface Transcript {
  readonly text: string;
  readonly words: readonly Word[];
  readonly segments: readonly Segment[];
  /** Length of the decoded audio in seconds. */
  readonly durationS: number;
  /** Mean word confidence; undefined when nothing was said. */
  readonly confidence: number | undefined;
  /** What was repaired or left out while the recording was decoded; the same for every channel. */
  readonly warnings: readonly AudioWarning[];
  /** Where `wantsPeaks` asked for it: the loudest sample of each of up to 2048 equal stretches, 0..255, over all channels. */
  readonly peaks?: readonly number[];
}

export type EndpointReason = "vad" | "blank" | "stop" | "length";

/** A partial replaces the one before it; a final ends the utterance. `committed` never changes within an utterance. */
export interface Hypothesis {
  readonly type: "partial" | "final";
  readonly committed: string;
  readonly tentative: string;
  readonly words: readonly Word[];
  readonly confidence: number | undefined;
  /** Finals only. */
  readonly endpointReason: EndpointReason | undefined;
  /** Finals only: true when the speaker really paused or stopped, never after a forced cut. */
  readonly speechFinal: boolean;
  /** From 0; only of recordings whose channels are read on their own. */
  readonly channel?: number;
}

/** Identity of the loaded model, as `/v1/models` and `/health` tell it. */
export interface ModelInfo {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly precision: "int8" | "fp32";
  /** What it understands, ISO 639-1, the main one first. */
  readonly languages: readonly string[];
  /** Without the blank. */
  readonly vocabSize: number;
  /** SHA-256 over the sorted `sha256  name` lines of the bundle's files, hex. */
  readonly bundleHash: string;
  /** Set when the model was chosen by `auto` because no better one is installed: a sentence for people. */
  readonly notice: string | undefined;
  /** How the encoder's graph is laid out: as in its file, or rewritten into the form that computes fast; `rewriting` while that is being made. */
  readonly encoderForm: "published" | "rewriting" | "rewritten";
}

export type EngineState = "loading" | "ready" | "unloaded" | "failed" | "closed";

/** Headerless input: how the bytes are to be read. Mono. */
export interface HeaderlessFormat {
  readonly codec: "pcmu" | "pcma" | "s16le";
  readonly sampleRateHz: number;
}

export interface TranscribeOptions {
  /** Container bytes in any split. Read once; the engine stops reading when it is aborted or refuses the audio. */
  readonly audio: AsyncIterable<Uint8Array>;
  /** `mix` = one transcript of the mono mix; `split` = one transcript per channel. */
  readonly channels?: "mix" | "split";
  readonly headerless?: HeaderlessFormat;
  /** Which of several audio tracks: its number from 0, or its ISO 639 language. Absent = the default one. */
  readonly track?: string;
  /** Phrases to expect; none: the plain greedy search. */
  readonly hotWords?: readonly HotWord[];
  /** Rejects where audio is missing or damaged, instead of a warning in the transcript. Default false. */
  readonly strict?: boolean;
  readonly maxDurationMs: number;
  /** The shape of the recording for a picture, made while it is decoded. Default false. */
  readonly wantsPeaks?: boolean;
  readonly signal: AbortSignal;
  /** Recognised so far, seconds of audio; total when the container declares it. */
  readonly onProgress?: (doneS: number, totalS: number | undefined) => void;
  /** Utterance by utterance, as they are recognised. The engine waits for a returned promise: a slow reader slows the work. */
  readonly onHypothesis?: (hypothesis: Hypothesis) => void | Promise<void>;
  /**
   * Readings of an earlier run over the same bytes with the same model and options: these windows are not read again. Where a run ends does not
   * change its windows, so the transcript equals that of an undisturbed run.
   */
  readonly known?: readonly WindowReading[];
  /** Each window as soon as it has been read, in any order; known ones are not repeated. */
  readonly onReading?: (reading: WindowReading) => void;
  /** For those who want to know where the time goes: each window once it is read. */
  readonly onWindow?: (window: WindowTiming) => void;
  /** Given once, when the work begins: lets its owner stop it for a while. */
  readonly onBegin?: (work: Suspendable) => void;
}

/** A window that a worker has read. */
export interface WindowTiming {
  readonly audioS: number;
  /** From when it was asked for until a worker began. */
  readonly waitedMs: number;
  readonly computedMs: number;
}

/** Work that can stand still: what is being recognised is finished, nothing more is decoded until it resumes. */
export interface Suspendable {
  suspend(): void;
  resume(): void;
}

/** When an utterance ends and its words are promised; may change while a stream is open. */
export interface EndpointOptions {
  readonly endpoint: EndpointMode;
  readonly minSilenceMs: number;
  readonly commitPolicy: CommitPolicy;
}

/**
 * Where utterances begin and end, in order with their hypotheses. `ended` comes before the final, `empty` instead of it when nothing was
 * recognised. The utterance that the end of the stream closes has no `ended`, and no `began` when no speech was detected in it.
 */
export interface UtteranceEvent {
  readonly type: "began" | "ended" | "empty";
  /** Seconds from the start of the stream. */
  readonly atS: number;
}

export interface LiveStreamOptions extends EndpointOptions {
  /** 4000..192000. */
  readonly sampleRateHz: number;
  /** Default s16le. */
  readonly codec?: SampleEncoding;
  /** Interleaved channels, mixed before recognition. Default 1. */
  readonly channelCount?: number;
  readonly onUtterance?: (event: UtteranceEvent) => void;
  readonly hotWords?: readonly HotWord[];
  readonly onHypothesis: (hypothesis: Hypothesis) => void;
  readonly onWindow?: ((window: WindowTiming) => void) | undefined;
  /** Called when speech begins, and about once a second while it lasts. */
  readonly onSpeech?: () => void;
  /** A window could not be recognised; the stream goes on with the audio after it. */
  readonly onError: (error: Error) => void;
}

/** One live session's audio. Cheap state: no worker is held while nothing is said. */
export interface LiveStream {
  /** Raw samples in any split, parts of a sample carried over. The bytes are copied before it returns. */
  write(pcm: Uint8Array): void;
  /** Takes effect from the audio that is written next. */
  configure(options: EndpointOptions): void;
  /** Length of what was written, milliseconds. */
  readonly writtenMs: number;
  /** Audio received and not yet recognised, in milliseconds: the caller's reason to pause the client. */
  readonly backlogMs: number;
  /** Resolves when `backlogMs` is below the given bound or the stream ended. */
  waitForBacklogBelow(ms: number): Promise<void>;
  /** Recognises all that was written, delivers the last final (also when empty) through `onHypothesis`, then resolves. */
  end(): Promise<void>;
  /** Drops everything; no further callback. */
  abort(): void;
}

export interface EngineStats {
  readonly workers: number;
  readonly busyWorkers: number;
  /** Windows waiting for a worker. */
  readonly queuedWindows: number;
  /** Audio of files and streams that was worked through, silence included. */
  readonly audioSecondsTotal: number;
  /** Audio that the encoder saw: of a stream the same again and again, of silence nothing. */
  readonly encodedSecondsTotal: number;
  readonly inferenceSecondsTotal: number;
  readonly workerRestartsTotal: number;
}

/** How many live sessions the machine keeps up with, measured while it works; not a configured limit. */
export interface LiveCapacity {
  /** Open streams in which speech was heard in the last half minute. Silent ones cost next to nothing and do not count. */
  readonly speaking: number;
  /** Sessions that can be kept up with in real time; at least 1. */
  readonly sustainable: number;
  /** Computing time over audio time of one worker; undefined before the model is loaded. */
  readonly realTimeFactor: number | undefined;
  /** False: refuse the newest session rather than slow all of them down. */
  readonly canOpenMore: boolean;
  /** Why not: a sentence for the client and the log. */
  readonly reason: string | undefined;
}

/**
 * Audio in, words out. The runtime sees only this; the ONNX engine and the deterministic fake pass one contract suite.
 *
 * Rejections meant for clients are `AudioError`s, which name what is wrong with the audio and leave the wording to the caller, or
 * `WireError`s: `transcription_error`, `initializing`, `pool_closed`. An aborted signal rejects with its reason.
 */
export interface Engine {
  readonly state: EngineState;
  /** undefined until loaded. */
  readonly model: ModelInfo | undefined;
  /** Loads and warms the model. Rejects with a GigasttError that says what to do. */
  start(): Promise<ModelInfo>;
  transcribe(options: TranscribeOptions): Promise<readonly Transcript[]>;
  /** Opens a session's stream. Throws a `WireError` (`initializing`, `pool_closed`) when the engine cannot take one. */
  openStream(options: LiveStreamOptions): LiveStream;
  stats(): EngineStats;
  /**
   * Whether one more live session fits. `openStream` itself does not refuse: the caller decides.
   * @param speaking live sessions that may speak now; default: as many as speech is heard in
   */
  liveCapacity(speaking?: number): LiveCapacity;
  /** Called after each inference run: audio seconds, wall seconds. For metrics. */
  onInference: ((audioS: number, wallS: number) => void) | undefined;
  /** Called when `model.encoderForm` has changed in a way that texts may show: every window that is asked for from now on is read by the new form. */
  onEncoderChange: (() => void) | undefined;
  /** Waits for running windows (never terminates a busy worker), drops queued ones, frees the sessions. */
  close(): Promise<void>;
}
