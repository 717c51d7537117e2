import type { HotWord } from "../../shared/hot-words.ts";
import type { HotWordGraph } from "./hot-words.ts";
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
  /** Where `tokens` holds phrases that were expected. */
  readonly expected?: Expected;
  readonly encodedFrames: number;
  readonly encoderMs: number;
}

export interface Expected {
  /** The reading without hot words. */
  readonly plain: Tokens;
  /** 1 for each token of a phrase. */
  readonly inPhrases: Uint8Array;
}

/** What was read with hot words. A reading without a phrase is the plain one: what only stood in a phrase's favour does not count. */
export function withExpected(
  tokens: Tokens,
  plain: Tokens,
  graph: HotWordGraph,
): Pick<HeadResult, "tokens" | "expected"> {
  const inPhrases = graph.inPhrases(tokens.ids);
  return inPhrases.includes(1) ? { tokens, expected: { plain, inPhrases } } : { tokens: plain };
}
