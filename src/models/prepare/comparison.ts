/** What differs between two models on the same audio; the answer of `engine/compare-main` to the command line. */
export interface Comparison {
  readonly windows: number;
  readonly audioS: number;
  /** Windows whose token sequences are the same. */
  readonly identicalWindows: number;
  readonly tokens: number;
  /** Token edits between the two (substitutions, insertions, deletions). */
  readonly tokenEdits: number;
  readonly referenceEncoderMs: number;
  readonly candidateEncoderMs: number;
}

/** Returns the figures of a comparison for the log and for `--json`. */
export function trialFields(trial: Comparison): Readonly<Record<string, number>> {
  return {
    tokens: trial.tokens,
    token_edits: trial.tokenEdits,
    windows: trial.windows,
    identical_windows: trial.identicalWindows,
    speed_up: speedUp(trial),
  };
}

/** How many times as fast the candidate's encoder was, to two digits. */
export function speedUp({ referenceEncoderMs, candidateEncoderMs }: Comparison): number {
  return Math.round((100 * referenceEncoderMs) / Math.max(1e-9, candidateEncoderMs)) / 100;
}
