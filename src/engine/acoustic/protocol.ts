import type { HotWord } from "../../shared/hot-words.ts";
import type { FrontEnd, ModelBundle, TransducerFiles } from "../../models/manifest.ts";
import type { Tokens } from "./words.ts";

export type { TransducerFiles };

/** What an inference worker needs to load a model. Structured-clonable. */
export interface LoadRequest {
  readonly encoderPath: string;
  /** An optimized copy of the encoder: loaded instead, unless the runtime refuses it. */
  readonly optimizedEncoderPath?: string;
  /** Where to leave an optimized copy while loading; failing to write it does not fail the load. */
  readonly saveEncoderTo?: string;
  /** Absent: the encoder's graph gives the scores itself (CTC). */
  readonly transducer?: TransducerFiles;
  readonly vocabPath: string;
  readonly frontEnd: FrontEnd;
  /** ONNX intra-op threads. */
  readonly threads: number;
  readonly maxSymbolsPerFrame: number;
}

/** Returns what a worker needs to load a model's own files. */
export function loadRequestOf(
  { encoderPath, transducer, vocabPath, frontEnd }: ModelBundle,
  decoding: Pick<LoadRequest, "threads" | "maxSymbolsPerFrame">,
): LoadRequest {
  return { encoderPath, ...(transducer && { transducer }), vocabPath, frontEnd, ...decoding };
}

/** Main thread → inference worker. A worker gets one `run` at a time. */
export type ToInference =
  | { readonly type: "load"; readonly request: LoadRequest }
  | {
      readonly type: "run";
      readonly id: number;
      /** [melBins, frames]: as the encoder wants it. Transferred. */
      readonly features: Float32Array;
      readonly frames: number;
      readonly hotWords: readonly HotWord[] | undefined;
    }
  | { readonly type: "close" };

/** What is known once the graphs are loaded. */
export interface LoadedModel {
  readonly vocabSize: number;
  readonly melBins: number;
  /** Feature frames per encoder frame. */
  readonly subsampling: number;
  readonly loadMs: number;
  /** Where the encoder came from. */
  readonly encoderFrom: "model" | "optimized copy";
  /** Computing time over audio time of a window of a few seconds, measured once the graphs were warm. */
  readonly realTimeFactor: number;
}

/** Tokens of one window. The arrays are transferred. */
export interface WindowResult extends Tokens {
  readonly encodedFrames: number;
  readonly encoderMs: number;
  readonly totalMs: number;
}

/** Inference worker → main thread. */
export type FromInference =
  | { readonly type: "loaded"; readonly model: LoadedModel }
  | { readonly type: "load_failed"; readonly code: string; readonly message: string }
  | { readonly type: "done"; readonly id: number; readonly result: WindowResult }
  | { readonly type: "failed"; readonly id: number; readonly message: string };
