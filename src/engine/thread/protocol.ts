import type { HotWord } from "../../shared/hot-words.ts";
import type { FrontEnd, WindowLimits } from "../../models/manifest.ts";
import type { Failure } from "./failure.ts";
import type { SampleEncoding } from "../audio/codec/pcm.ts";
import type {
  EndpointOptions,
  HeaderlessFormat,
  Hypothesis,
  UtteranceEvent,
  Transcript,
  WindowReading,
} from "../contract.ts";
import type { WindowResult } from "../acoustic/protocol.ts";

/** What an audio thread needs to know about the model and the machine. Structured-clonable. */
export interface AudioSettings {
  readonly pieces: readonly string[];
  readonly frontEnd: FrontEnd;
  readonly windows: WindowLimits;
  /** Feature frames per encoder frame. */
  readonly subsampling: number;
  readonly partialIntervalMinMs: number;
  readonly partialIntervalMaxMs: number;
  /** Windows of one file that are worth having under way at once. */
  readonly parallelWindows: number;
}

export interface FileOptions {
  readonly channels: "mix" | "split";
  readonly headerless: HeaderlessFormat | undefined;
  readonly track: string | undefined;
  readonly strict: boolean;
  readonly maxDurationMs: number;
  readonly wantsHypotheses: boolean;
  readonly wantsPeaks: boolean;
  /** Windows that an earlier run has read. */
  readonly known: readonly WindowReading[];
  readonly wantsReadings: boolean;
  readonly hotWords: readonly HotWord[] | undefined;
}

export interface StreamOptions extends EndpointOptions {
  readonly sampleRateHz: number;
  readonly codec: SampleEncoding;
  readonly channelCount: number;
  readonly hotWords: readonly HotWord[] | undefined;
}

/** Main thread → audio thread. `id` names a file job or a stream, `window` a window that was asked for. */
export type ToAudioThread =
  | { readonly type: "init"; readonly settings: AudioSettings }
  | { readonly type: "file_open"; readonly id: number; readonly options: FileOptions }
  /** The answer to one `file_pull`; undefined = end of the body. */
  | { readonly type: "file_data"; readonly id: number; readonly bytes: Uint8Array | undefined }
  /** The consumer has taken a hypothesis. */
  | { readonly type: "file_ack"; readonly id: number }
  /** While held, nothing more of it is decoded. */
  | { readonly type: "file_hold"; readonly id: number; readonly isHeld: boolean }
  | { readonly type: "file_abort"; readonly id: number }
  | { readonly type: "stream_open"; readonly id: number; readonly options: StreamOptions }
  | { readonly type: "stream_data"; readonly id: number; readonly bytes: Uint8Array }
  | { readonly type: "stream_configure"; readonly id: number; readonly options: EndpointOptions }
  | { readonly type: "stream_end"; readonly id: number }
  | { readonly type: "stream_abort"; readonly id: number }
  | { readonly type: "window_done"; readonly window: number; readonly result: WindowResult }
  | { readonly type: "window_failed"; readonly window: number; readonly failure: Failure }
  | { readonly type: "ping"; readonly id: number };

/** Audio thread → main thread. */
export type FromAudioThread =
  | { readonly type: "file_pull"; readonly id: number }
  | { readonly type: "progress"; readonly id: number; readonly doneS: number; readonly totalS: number | undefined }
  | { readonly type: "reading"; readonly id: number; readonly reading: WindowReading }
  | { readonly type: "hypothesis"; readonly id: number; readonly hypothesis: Hypothesis }
  | { readonly type: "file_done"; readonly id: number; readonly transcripts: readonly Transcript[] }
  | { readonly type: "file_failed"; readonly id: number; readonly failure: Failure }
  /** All audio up to here has been recognised or found silent, milliseconds from the stream's start. */
  | { readonly type: "stream_covered"; readonly id: number; readonly coveredMs: number }
  /** Speech begins. While it lasts, the windows that are asked for tell the same. */
  | { readonly type: "stream_speech"; readonly id: number }
  | { readonly type: "stream_utterance"; readonly id: number; readonly event: UtteranceEvent }
  | { readonly type: "stream_error"; readonly id: number; readonly failure: Failure }
  | { readonly type: "stream_done"; readonly id: number }
  | {
      readonly type: "window";
      readonly window: number;
      readonly features: Float32Array;
      readonly frames: number;
      readonly kind: "live" | "file";
      /** The stream or file job it belongs to. */
      readonly id: number;
      /** How soon the answer is wanted, milliseconds from now: the queue's order. */
      readonly withinMs: number;
      readonly hotWords: readonly HotWord[] | undefined;
    }
  /** The answer is of no use any more. */
  | { readonly type: "window_cancel"; readonly window: number }
  | { readonly type: "pong"; readonly id: number };
