/** How subtitles are laid out. The section `subtitles` of the configuration fits. */
export interface SubtitleRules {
  /** A longer single word, or a speaker's name before one, stands alone. */
  readonly maxCharsPerLine: number;
  readonly maxWordsPerLine: number;
  readonly maxLines: number;
  /** Reading speed, spaces included. A subtitle that is said faster stays longer where there is room. */
  readonly maxCharsPerSecond: number;
  readonly minDurationMs: number;
  readonly maxDurationMs: number;
  /** Between two subtitles of one speaker. */
  readonly minGapMs: number;
}

/** What broadcasters ask for, for example Netflix and the BBC; equal to the defaults of the configuration. */
export const DEFAULT_SUBTITLE_RULES: SubtitleRules = {
  maxCharsPerLine: 42,
  maxWordsPerLine: 14,
  maxLines: 2,
  maxCharsPerSecond: 17,
  minDurationMs: 1000,
  maxDurationMs: 7000,
  minGapMs: 80,
};
