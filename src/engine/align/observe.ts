/** Frames of 10 ms that are looked at as one. */
export const STEP_FRAMES = 2;
const CEPSTRA = 12;
/** Numbers that describe one step: its spectrum's shape, and how it changes. */
export const DIMENSIONS: number = 2 * CEPSTRA;

/**
 * What a window sounds like, step by step: cepstra of its log-mel features, free of the level and colour of the recording, and their slopes.
 *
 * @param features [melBins, frames]
 * @returns row-major [steps, DIMENSIONS]
 */
export function observe(features: Float32Array, melBins: number, frames: number): Float64Array {
  const steps = Math.floor(frames / STEP_FRAMES);
  const bands = bandsOf(features, melBins, frames, steps);
  const usual = meanOfLouder(bands, steps);
  const observed = new Float64Array(steps * DIMENSIONS);
  for (let step = 0; step < steps; step++)
    for (let k = 0; k < CEPSTRA; k++) {
      let sum = 0;
      for (let band = 0; band < BANDS; band++)
        sum += COSINES[k * BANDS + band]! * Math.max(DEEPEST, bands[step * BANDS + band]! - usual[band]!);
      observed[step * DIMENSIONS + k] = sum;
    }
  for (let step = 0; step < steps; step++) {
    const before = Math.max(0, step - 1) * DIMENSIONS;
    const after = Math.min(steps - 1, step + 1) * DIMENSIONS;
    for (let k = 0; k < CEPSTRA; k++)
      observed[step * DIMENSIONS + CEPSTRA + k] = observed[after + k]! - observed[before + k]!;
  }
  return observed;
}

// ---

const BANDS = 20;
/** Natural log of a band's energy at about -75 dBFS: what is softer sounds like silence. */
const SILENCE = -13;
/** What is this much softer than a band usually is (17 dB) may be noise as well as silence. */
const DEEPEST = -4;
/** The softer steps may be pauses: they say nothing about the speaker. */
const SOFTER_SHARE = 0.4;

const COSINES = Float64Array.from({ length: CEPSTRA * BANDS }, (_, at) => {
  const k = Math.floor(at / BANDS);
  return Math.cos((Math.PI * k * ((at % BANDS) + 0.5)) / BANDS) * Math.sqrt((k === 0 ? 1 : 2) / BANDS);
});

function bandsOf(features: Float32Array, melBins: number, frames: number, steps: number): Float64Array {
  const bands = new Float64Array(steps * BANDS);
  for (let band = 0; band < BANDS; band++) {
    const first = Math.ceil((band * melBins) / BANDS);
    const end = Math.ceil(((band + 1) * melBins) / BANDS);
    const share = 1 / ((end - first) * STEP_FRAMES);
    for (let mel = first; mel < end; mel++) {
      for (let frame = 0; frame < steps * STEP_FRAMES; frame++)
        bands[Math.floor(frame / STEP_FRAMES) * BANDS + band]! +=
          share * Math.max(SILENCE, features[mel * frames + frame]!);
    }
  }
  return bands;
}

function meanOfLouder(bands: Float64Array, steps: number): Float64Array {
  const levels = new Float64Array(steps);
  for (let step = 0; step < steps; step++)
    for (let band = 0; band < BANDS; band++) levels[step]! += bands[step * BANDS + band]!;
  const least = levels.toSorted()[Math.floor(steps * SOFTER_SHARE)] ?? -Infinity;
  const mean = new Float64Array(BANDS);
  let count = 0;
  for (let step = 0; step < steps; step++) {
    if (levels[step]! < least) continue;
    count++;
    for (let band = 0; band < BANDS; band++) mean[band]! += bands[step * BANDS + band]!;
  }
  return mean.map((sum) => sum / count);
}
