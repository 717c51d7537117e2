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
  const minima = new Float64Array(FLOOR_BLOCKS).fill(LOWEST_FLOOR);
  let block = 0;
  let blockMinimum = Infinity;
  let inBlock = 0;
  let smooth = LOWEST_FLOOR;
  let started = false;
  let recentMean = LOWEST_FLOOR;
  let floor = LOWEST_FLOOR;

  return {
    push(level) {
      smooth = started ? smooth + 0.3 * (level - smooth) : level;
      recentMean += 0.02 * (smooth - recentMean);
      started = true;
      blockMinimum = Math.min(blockMinimum, smooth);
      if (++inBlock >= blockFrames) {
        minima[block] = blockMinimum;
        block = (block + 1) % FLOOR_BLOCKS;
        blockMinimum = Infinity;
        inBlock = 0;
        floor = LOWEST_FLOOR;
        let lowest = Infinity;
        for (const minimum of minima) lowest = Math.min(lowest, minimum);
        floor = Math.max(LOWEST_FLOOR, lowest);
      }
      floor = Math.max(LOWEST_FLOOR, Math.min(floor, smooth));
      return Math.max(smooth, level) > floor + SPEECH_ABOVE_FLOOR;
    },
    learnNoise() {
      minima.fill(Math.max(LOWEST_FLOOR, recentMean));
      floor = Math.max(LOWEST_FLOOR, recentMean);
    },
  };
}

// ---

/** Natural log of the mean band energy at about -75 dBFS: nothing below is speech. */
const LOWEST_FLOOR = -13;
/** About 7 dB. */
const SPEECH_ABOVE_FLOOR = 1.6;
/** Minima over the last 4 s: even fast talkers breathe. */
const FLOOR_BLOCKS = 8;
