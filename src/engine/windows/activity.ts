/** Speech activity of one channel from frame levels: an adaptive noise floor, deliberately sensitive (a false alarm costs one encoder run, a miss costs words). */
export interface ActivityDetector {
  /** Takes the level of the next frame (natural log); true when the frame may be speech. */
  push(level: number): boolean;
  /** The decoder heard nothing in what was just taken for speech: its level becomes the floor. */
  learnNoise(): void;
}

/** @param framesPerSecond 100 for a 10 ms hop */
export function createActivityDetector(framesPerSecond = 100): ActivityDetector {
  const blockFrames = Math.round(framesPerSecond * 0.5);
  const peakDecay = 0.5 / framesPerSecond;
  const minima = new Float64Array(FLOOR_BLOCKS).fill(LOWEST_FLOOR);
  let block = 0;
  let blockMinimum = Infinity;
  let inBlock = 0;
  let smooth = LOWEST_FLOOR;
  let recentMean = LOWEST_FLOOR;
  let peak = LOWEST_FLOOR;
  let floor = LOWEST_FLOOR;
  let started = false;

  return {
    push(level) {
      smooth = started ? smooth + 0.3 * (level - smooth) : level;
      started = true;
      recentMean += 0.02 * (smooth - recentMean);
      blockMinimum = Math.min(blockMinimum, smooth);
      if (++inBlock >= blockFrames) {
        minima[block] = blockMinimum;
        block = (block + 1) % FLOOR_BLOCKS;
        blockMinimum = Infinity;
        inBlock = 0;
        let lowest = Infinity;
        for (let k = 0; k < FLOOR_BLOCKS; k++) lowest = Math.min(lowest, minima[k]!);
        floor = Math.max(LOWEST_FLOOR, lowest);
      }
      floor = Math.max(LOWEST_FLOOR, Math.min(floor, smooth));
      peak = Math.max(smooth, peak - peakDecay);
      return Math.max(smooth, level) > Math.max(floor + SPEECH_ABOVE_FLOOR, peak - SPEECH_BELOW_PEAK);
    },
    learnNoise() {
      floor = Math.max(LOWEST_FLOOR, recentMean);
      minima.fill(floor);
    },
  };
}

// ---

/** Natural log of the mean band energy at about -75 dBFS: nothing below is speech. */
const LOWEST_FLOOR = -13;
/** About 7 dB. */
const SPEECH_ABOVE_FLOOR = 1.6;
/** About 35 dB: noise that begins with a pause, as when recordings are joined, is not speech. The peak forgets 0.5 a second. */
const SPEECH_BELOW_PEAK = 8;
/** Minima over the last 4 s: even fast talkers breathe. */
const FLOOR_BLOCKS = 8;
