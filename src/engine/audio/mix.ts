import type { AudioBlock, OpenContext } from "./types.ts";

/** Mixes blocks down to one channel. One instance a recording: it remembers which way a stereo pair is turned. */
export type Mixer = (block: AudioBlock) => Float32Array;

/**
 * Stereo and channels without named speakers become their mean. Surround is weighted as in ITU-R BS.775: the centre, where
 * people speak, 3 dB above the front pair, the others 3 dB below it, the low-frequency channel left out. Of a stereo pair
 * in opposite phase, which would cancel itself, the louder channel is taken.
 */
export function createMixer(warn: OpenContext["warn"]): Mixer {
  let isOpposite = false;
  let isWarned = false;

  function mixPair(left: Float32Array, right: Float32Array): Float32Array {
    const { correlation, leftEnergy, rightEnergy } = compare(left, right);
    // Silence decides nothing, and a level between the bounds keeps what was decided.
    if (Math.min(leftEnergy, rightEnergy) > left.length * SILENT_POWER) {
      if (correlation < OPPOSITE_BELOW) isOpposite = true;
      else if (correlation > ALIKE_ABOVE) isOpposite = false;
    }
    if (!isOpposite) return weighted([left, right], [0.5, 0.5]);
    if (!isWarned) {
      warn(
        "opposite_phase",
        "the two channels are in opposite phase and would cancel each other: one of them was read",
      );
      isWarned = true;
    }
    return leftEnergy >= rightEnergy ? left : right;
  }

  return ({ channels, speakers }) => {
    if (channels.length === 1) return channels[0]!;
    if (channels.length === 2) return mixPair(channels[0]!, channels[1]!);
    const mean = channels.map(() => 1 / channels.length);
    return weighted(channels, speakers === undefined ? mean : weightsOf(speakers, mean));
  };
}

/** Speakers of files whose format names them by their count alone, as a WAVE channel mask. */
export const SPEAKERS_BY_COUNT: Readonly<Record<number, number>> = {
  3: 0x7,
  4: 0x33,
  5: 0x37,
  6: 0x3f,
  7: 0x70f,
  8: 0x63f,
};

/** Channels of Vorbis, and of Opus in mapping family 1, in the order of WAVE. */
export function inWaveOrder(channels: Float32Array[]): Float32Array[] {
  return VORBIS_TO_WAVE[channels.length]?.map((from) => channels[from]!) ?? channels;
}

// ---

const VORBIS_TO_WAVE: Readonly<Record<number, readonly number[]>> = {
  3: [0, 2, 1],
  5: [0, 2, 1, 3, 4],
  6: [0, 2, 1, 5, 3, 4],
  7: [0, 2, 1, 6, 5, 3, 4],
  8: [0, 2, 1, 7, 5, 6, 3, 4],
};

const OPPOSITE_BELOW = -0.7;
const ALIKE_ABOVE = -0.3;
/** About -60 dBFS. */
const SILENT_POWER = 1e-6;

const FRONT = 0x3 | 0xc0;
const CENTRE = 0x4;
const LOW_FREQUENCY = 0x8;

/** One weight for each bit of the mask, from the lowest on; `otherwise` when mask and channels do not fit. */
function weightsOf(mask: number, otherwise: readonly number[]): readonly number[] {
  const weights: number[] = [];
  for (let bit = 1; bit > 0 && bit <= mask; bit *= 2) {
    if (!(mask & bit)) continue;
    weights.push(bit & FRONT ? 0.5 : bit & CENTRE ? Math.SQRT1_2 : bit & LOW_FREQUENCY ? 0 : Math.SQRT1_2 / 2);
  }
  return weights.length === otherwise.length ? weights : otherwise;
}

function weighted(channels: readonly Float32Array[], weights: readonly number[]): Float32Array {
  const mono = new Float32Array(channels[0]!.length);
  for (const [channel, weight] of weights.entries()) {
    if (weight === 0) continue;
    const samples = channels[channel]!;
    for (let i = 0; i < mono.length; i++) mono[i]! += samples[i]! * weight;
  }
  return mono;
}

function compare(
  left: Float32Array,
  right: Float32Array,
): { correlation: number; leftEnergy: number; rightEnergy: number } {
  let leftEnergy = 0;
  let rightEnergy = 0;
  let product = 0;
  for (let i = 0; i < left.length; i++) {
    leftEnergy += left[i]! * left[i]!;
    rightEnergy += right[i]! * right[i]!;
    product += left[i]! * right[i]!;
  }
  return { correlation: product / Math.sqrt(leftEnergy * rightEnergy || 1), leftEnergy, rightEnergy };
}
