import { argmax, probabilityOf } from "./greedy.ts";
import type { Tokens } from "./words.ts";

/**
 * Greedy CTC: the best class of each frame; a run of one class is one token, blanks separate tokens and are dropped.
 * A token's frame is the first of its run, its probability the highest of the run.
 *
 * @param scores row-major [frames, classes]
 */
export function decodeCtc(scores: Float32Array, { frames, classes, blank, logSoftmaxed }: CtcScores): Tokens {
  const ids: number[] = [];
  const at: number[] = [];
  const probabilities: number[] = [];
  let before = blank;
  for (let frame = 0; frame < frames; frame++) {
    const best = argmax(scores, frame * classes, classes);
    if (best !== blank) {
      const probability = probabilityOf(scores, frame * classes, classes, best, logSoftmaxed);
      if (best === before) {
        probabilities.push(Math.max(probabilities.pop()!, probability)); // a run has begun
      } else {
        ids.push(best);
        at.push(frame);
        probabilities.push(probability);
      }
    }
    before = best;
  }
  return {
    ids: Int32Array.from(ids),
    frames: Int32Array.from(at),
    probabilities: Float32Array.from(probabilities),
  };
}

export interface CtcScores {
  readonly frames: number;
  readonly classes: number;
  readonly blank: number;
  /** True when the scores are logarithms of probabilities. */
  readonly logSoftmaxed: boolean;
}
