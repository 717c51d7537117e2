import { GigasttError } from "../../shared/errors.ts";

/** Power spectrum of real frames of one fixed length. Holds its own scratch memory: one instance per thread, no sharing between calls in flight. */
export interface RealFft {
  /** Input samples per frame. */
  readonly size: number;
  /** size / 2 + 1. */
  readonly bins: number;
  /** Writes |X[k]|² for k = 0..size/2 into `power`, each X[k] rounded to float32 first. `frame` holds `size` values and is left as it is. */
  power(frame: Float64Array, power: Float64Array): void;
}

/**
 * A real FFT for even sizes whose half factors into 2, 3 and 5 (320 = 2 · 4·4·2·5).
 * The even and odd samples travel as one complex sequence of half the length through a mixed-radix Stockham FFT in float64.
 */
export function createRealFft(size: number): RealFft {
  const half = size / 2;
  const stages = planStages(half);
  let re = new Float64Array(half);
  let im = new Float64Array(half);
  let nextRe = new Float64Array(half);
  let nextIm = new Float64Array(half);
  const cos = new Float64Array(half + 1);
  const sin = new Float64Array(half + 1);
  for (let k = 0; k <= half; k++) {
    cos[k] = Math.cos((-2 * Math.PI * k) / size);
    sin[k] = Math.sin((-2 * Math.PI * k) / size);
  }

  function power(frame: Float64Array, out: Float64Array): void {
    for (let n = 0; n < half; n++) {
      re[n] = frame[2 * n]!;
      im[n] = frame[2 * n + 1]!;
    }
    for (const stage of stages) {
      runStage(stage, re, im, nextRe, nextIm);
      [re, nextRe] = [nextRe, re];
      [im, nextIm] = [nextIm, im];
    }
    for (let k = 0; k <= half; k++) {
      const a = k === half ? 0 : k;
      const b = k === 0 ? 0 : half - k;
      const evenRe = (re[a]! + re[b]!) / 2;
      const evenIm = (im[a]! - im[b]!) / 2;
      const oddRe = (im[a]! + im[b]!) / 2;
      const oddIm = (re[b]! - re[a]!) / 2;
      const x = Math.fround(evenRe + cos[k]! * oddRe - sin[k]! * oddIm);
      const y = Math.fround(evenIm + cos[k]! * oddIm + sin[k]! * oddRe);
      out[k] = x * x + y * y;
    }
  }

  return { size, bins: half + 1, power };
}

// ---

interface Stage {
  readonly radix: number;
  /** Length of the transforms of this stage divided by the radix. */
  readonly groups: number;
  readonly stride: number;
  /** exp(-2πi·p·j/n) at [p * radix + j]. */
  readonly twiddleRe: Float64Array;
  readonly twiddleIm: Float64Array;
  /** exp(-2πi·m/radix). */
  readonly rootRe: Float64Array;
  readonly rootIm: Float64Array;
}

function planStages(length: number): Stage[] {
  const stages: Stage[] = [];
  let rest = length;
  let stride = 1;
  while (rest > 1) {
    const radix = [4, 2, 3, 5].find((factor) => rest % factor === 0);
    if (!Number.isInteger(rest) || radix === undefined) {
      throw new GigasttError(
        "GST_MODEL_UNSUPPORTED",
        `the front end's window must be 2·2^a·3^b·5^c samples, got ${length * 2}: use a model bundle made for gigastt`,
      );
    }
    const groups = rest / radix;
    const twiddleRe = new Float64Array(groups * radix);
    const twiddleIm = new Float64Array(groups * radix);
    for (let p = 0; p < groups; p++) {
      for (let j = 0; j < radix; j++) {
        const angle = (-2 * Math.PI * p * j) / rest;
        twiddleRe[p * radix + j] = Math.cos(angle);
        twiddleIm[p * radix + j] = Math.sin(angle);
      }
    }
    const rootRe = Float64Array.from({ length: radix }, (_, m) => Math.cos((-2 * Math.PI * m) / radix));
    const rootIm = Float64Array.from({ length: radix }, (_, m) => Math.sin((-2 * Math.PI * m) / radix));
    stages.push({ radix, groups, stride, twiddleRe, twiddleIm, rootRe, rootIm });
    rest = groups;
    stride *= radix;
  }
  return stages;
}

function runStage(stage: Stage, re: Float64Array, im: Float64Array, outRe: Float64Array, outIm: Float64Array): void {
  if (stage.radix === 4) runRadix4(stage, re, im, outRe, outIm);
  else runAnyRadix(stage, re, im, outRe, outIm);
}

function runRadix4(stage: Stage, re: Float64Array, im: Float64Array, outRe: Float64Array, outIm: Float64Array): void {
  const { groups, stride, twiddleRe, twiddleIm } = stage;
  const step = stride * groups;
  for (let p = 0; p < groups; p++) {
    const w1r = twiddleRe[4 * p + 1]!;
    const w1i = twiddleIm[4 * p + 1]!;
    const w2r = twiddleRe[4 * p + 2]!;
    const w2i = twiddleIm[4 * p + 2]!;
    const w3r = twiddleRe[4 * p + 3]!;
    const w3i = twiddleIm[4 * p + 3]!;
    for (let q = 0; q < stride; q++) {
      const from = q + stride * p;
      const to = q + stride * 4 * p;
      const sumAcRe = re[from]! + re[from + 2 * step]!;
      const sumAcIm = im[from]! + im[from + 2 * step]!;
      const difAcRe = re[from]! - re[from + 2 * step]!;
      const difAcIm = im[from]! - im[from + 2 * step]!;
      const sumBdRe = re[from + step]! + re[from + 3 * step]!;
      const sumBdIm = im[from + step]! + im[from + 3 * step]!;
      const difBdRe = re[from + step]! - re[from + 3 * step]!;
      const difBdIm = im[from + step]! - im[from + 3 * step]!;
      outRe[to] = sumAcRe + sumBdRe;
      outIm[to] = sumAcIm + sumBdIm;
      const y1r = difAcRe + difBdIm;
      const y1i = difAcIm - difBdRe;
      outRe[to + stride] = w1r * y1r - w1i * y1i;
      outIm[to + stride] = w1r * y1i + w1i * y1r;
      const y2r = sumAcRe - sumBdRe;
      const y2i = sumAcIm - sumBdIm;
      outRe[to + 2 * stride] = w2r * y2r - w2i * y2i;
      outIm[to + 2 * stride] = w2r * y2i + w2i * y2r;
      const y3r = difAcRe - difBdIm;
      const y3i = difAcIm + difBdRe;
      outRe[to + 3 * stride] = w3r * y3r - w3i * y3i;
      outIm[to + 3 * stride] = w3r * y3i + w3i * y3r;
    }
  }
}

function runAnyRadix(stage: Stage, re: Float64Array, im: Float64Array, outRe: Float64Array, outIm: Float64Array): void {
  const { radix, groups, stride, twiddleRe, twiddleIm, rootRe, rootIm } = stage;
  const step = stride * groups;
  for (let p = 0; p < groups; p++) {
    for (let q = 0; q < stride; q++) {
      const from = q + stride * p;
      const to = q + stride * radix * p;
      for (let j = 0; j < radix; j++) {
        let sumRe = 0;
        let sumIm = 0;
        let turn = 0;
        for (let k = 0; k < radix; k++) {
          const r = re[from + k * step]!;
          const i = im[from + k * step]!;
          sumRe += r * rootRe[turn]! - i * rootIm[turn]!;
          sumIm += r * rootIm[turn]! + i * rootRe[turn]!;
          turn += j;
          if (turn >= radix) turn -= radix;
        }
        const wr = twiddleRe[p * radix + j]!;
        const wi = twiddleIm[p * radix + j]!;
        outRe[to + j * stride] = wr * sumRe - wi * sumIm;
        outIm[to + j * stride] = wr * sumIm + wi * sumRe;
      }
    }
  }
}
