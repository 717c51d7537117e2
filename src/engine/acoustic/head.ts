import type { HotWord } from "../../shared/hot-words.ts";
import type { LoadedModel } from "./protocol.ts";
import type { Tokens } from "./words.ts";

/** The graphs of one worker as the model needs them: features in, tokens out. One `recognize` at a time. */
export interface Head {
  readonly melBins: number;
  /** Pieces and blank together. */
  readonly classes: number;
  readonly encoderFrom: LoadedModel["encoderFrom"];
  /** Tokens of one window. `features` is [melBins, frames]. */
  recognize(features: Float32Array, frames: number, hotWords: readonly HotWord[]): Promise<HeadResult>;
  /** Finds out on a window of silence what the metadata does not say. */
  probe(features: Float32Array, frames: number): Promise<void>;
  release(): Promise<void>;
}

export interface HeadResult {
  readonly tokens: Tokens;
  readonly encodedFrames: number;
  readonly encoderMs: number;
}
