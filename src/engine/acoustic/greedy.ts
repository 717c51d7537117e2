import type { Tokens } from "./words.ts";

/** The two small graphs of a transducer as the searches need them. `P` is the prediction network's state behind a sequence of tokens. */
export interface Transducer<P> {
  /** Pieces and blank together. */
  readonly classes: number;
  /** Id of the blank. */
  readonly blank: number;
  /** Most encoder frames, or predictions, that one `joint` call takes. */
  readonly maxBlock: number;
  /** True when the joint answers logarithms of probabilities. */
  readonly logSoftmaxed: boolean;
  /** Starts a window: the prediction network sees the blank and a zero state. */
  start(): Promise<P>;
  /** The state behind one more token. */
  predict(before: P, token: number): Promise<P>;
  /** Scores of `count` frames from `firstFrame` against the prediction: row-major [count, classes], valid until the next call. */
  joint(prediction: P, firstFrame: number, count: number): Promise<Float32Array>;
  /** Scores of one frame against each prediction: row-major [predictions, classes], valid until the next call. */
  jointOf(predictions: readonly P[], frame: number): Promise<Float32Array>;
}

/** Where a search stands: behind these tokens, at a frame that has given so many of them. */
export interface Standing<P> {
  readonly prediction: P;
  readonly said: Tokens;
  readonly frame: number;
  readonly symbols: number;
}

/**
 * Greedy transducer search over `frames` encoder frames, at most `maxSymbols` tokens a frame.
 *
 * Most frames are blank, so frames are scored in blocks against one prediction: a block is used up to its first token.
 * A blank never changes the state, so the prediction network runs once per token and not once per frame.
 *
 * @param from where another search over these frames stopped; default their beginning
 */
export async function decodeGreedy<P>(
  transducer: Transducer<P>,
  frames: number,
  maxSymbols: number,
  from?: Standing<P>,
): Promise<Tokens> {
  const { classes, blank, maxBlock } = transducer;
  const ids: number[] = [...(from?.said.ids ?? [])];
  const at: number[] = [...(from?.said.frames ?? [])];
  const probabilities: number[] = [...(from?.said.probabilities ?? [])];
  let prediction = from?.prediction ?? (await transducer.start());
  let frame = from?.frame ?? 0;
  let symbols = from?.symbols ?? 0;
  let block = Math.min(FIRST_BLOCK, maxBlock);
  while (frame < frames) {
    const count = Math.min(block, frames - frame);
    const scores = await transducer.joint(prediction, frame, count);
    let row = 0;
    let best = blank;
    for (; row < count; row++) {
      best = argmax(scores, row * classes, classes);
      if (best !== blank) break;
      symbols = 0;
    }
    frame += row;
    if (row === count) {
      block = Math.min(block * 2, maxBlock);
      continue;
    }
    ids.push(best);
    at.push(frame);
    probabilities.push(probabilityOf(scores, row * classes, classes, best, transducer.logSoftmaxed));
    prediction = await transducer.predict(prediction, best);
    block = Math.min(FIRST_BLOCK, maxBlock);
    symbols++;
    if (symbols >= maxSymbols) {
      frame++;
      symbols = 0;
    }
  }
  return {
    ids: Int32Array.from(ids),
    frames: Int32Array.from(at),
    probabilities: Float32Array.from(probabilities),
  };
}

/** Probability of class `index` in one row of scores. */
export function probabilityOf(
  scores: Float32Array,
  from: number,
  classes: number,
  index: number,
  logSoftmaxed: boolean,
): number {
  const score = scores[from + index]!;
  if (logSoftmaxed) return Math.min(1, Math.exp(score));
  let sum = 0;
  for (let k = 0; k < classes; k++) sum += Math.exp(scores[from + k]! - score);
  return 1 / sum;
}

// ---

/** Frames scored right after a token: speech gives a token every three to six frames. */
export const FIRST_BLOCK = 4;

/** Class with the highest score in one row. */
export function argmax(values: Float32Array, from: number, length: number): number {
  let best = 0;
  let top = values[from]!;
  for (let k = 1; k < length; k++) {
    const value = values[from + k]!;
    if (value > top) {
      top = value;
      best = k;
    }
  }
  return best;
}
