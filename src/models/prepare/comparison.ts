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
