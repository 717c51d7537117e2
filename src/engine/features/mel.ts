import type { FrontEnd } from "../../models/manifest.ts";

/** One triangular filter: its weights start at FFT bin `firstBin`. */
export interface MelFilter {
  readonly firstBin: number;
  readonly weights: Float64Array;
}

/** HTK mel filterbank without area normalisation, as torchaudio's `melscale_fbanks(norm=None, mel_scale="htk")` has it. Weights are rounded to float32, or bfloat16 where the model's buffers are. */
export function createMelFilters(frontEnd: FrontEnd): MelFilter[] {
  const bins = frontEnd.windowSamples / 2 + 1;
  const lowest = hzToMel(frontEnd.minHz);
  const step = (hzToMel(frontEnd.maxHz) - lowest) / (frontEnd.melBins + 1);
  const round = frontEnd.bfloat16Buffers ? roundToBfloat16 : Math.fround;
  const filters: MelFilter[] = [];
  for (let mel = 0; mel < frontEnd.melBins; mel++) {
    const left = melToHz(lowest + step * mel);
    const centre = melToHz(lowest + step * (mel + 1));
    const right = melToHz(lowest + step * (mel + 2));
    const weights: number[] = [];
    let firstBin = 0;
    for (let bin = 0; bin < bins; bin++) {
      const hz = (bin * frontEnd.sampleRateHz) / 2 / (bins - 1);
      const weight = round(Math.max(0, Math.min((hz - left) / (centre - left), (right - hz) / (right - centre))));
      if (weight <= 0) continue;
      if (weights.length === 0) firstBin = bin;
      weights.push(weight);
    }
    filters.push({ firstBin, weights: Float64Array.from(weights) });
  }
  return filters;
}

/** Periodic Hann window, rounded to float32, or bfloat16 where the model's buffers are. */
export function createHannWindow(frontEnd: FrontEnd): Float64Array {
  const round = frontEnd.bfloat16Buffers ? roundToBfloat16 : Math.fround;
  return Float64Array.from({ length: frontEnd.windowSamples }, (_, n) =>
    round(0.5 - 0.5 * Math.cos((2 * Math.PI * n) / frontEnd.windowSamples)),
  );
}

/** Nearest bfloat16 value, ties to even. */
export function roundToBfloat16(value: number): number {
  scratchFloat[0] = value;
  const bits = scratchBits[0]!;
  scratchBits[0] = (bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000;
  return scratchFloat[0];
}

// ---

const scratchFloat = new Float32Array(1);
const scratchBits = new Uint32Array(scratchFloat.buffer);

function hzToMel(hz: number): number {
  return 2595 * Math.log10(1 + hz / 700);
}

function melToHz(mel: number): number {
  return 700 * (10 ** (mel / 2595) - 1);
}
