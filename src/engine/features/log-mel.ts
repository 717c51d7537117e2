import type { FrontEnd } from "../../models/manifest.ts";
import { createRealFft } from "./fft.ts";
import { createHannWindow, createMelFilters } from "./mel.ts";

/** Log-mel front end of one model. Holds scratch memory: one instance per thread. */
export interface LogMel {
  readonly melBins: number;
  readonly hopSamples: number;
  readonly windowSamples: number;
  /** Frames in so many samples: no padding, no centring; 0 when shorter than one window. */
  frameCount(samples: number): number;
  /** Writes the `melBins` values of the frame that starts at `samples[at]` to `out[outAt…]`. */
  writeFrame(samples: Float32Array, at: number, out: Float32Array, outAt: number): void;
}

/**
 * Log-mel features: power spectrum, HTK mels, natural log of the energy clamped to 1e-9..1e9. Samples are mono in [-1, 1] at the model's rate.
 *
 * The transform is float64, but windowed samples, magnitudes, powers and energies are rounded to float32 as the training code had them:
 * an int8 encoder turns a last-bit difference into another rounding step, and then a token lands one frame away
 * (56 instead of 59 of the 60 evaluation clips identical to the reference decode).
 */
export function createLogMel(frontEnd: FrontEnd): LogMel {
  const { windowSamples, hopSamples, melBins } = frontEnd;
  const fft = createRealFft(windowSamples);
  const window = createHannWindow(frontEnd);
  const filters = createMelFilters(frontEnd);
  const frame = new Float64Array(windowSamples);
  const power = new Float64Array(fft.bins);

  function writeFrame(samples: Float32Array, at: number, out: Float32Array, outAt: number): void {
    for (let n = 0; n < windowSamples; n++) frame[n] = Math.fround(samples[at + n]! * window[n]!);
    fft.power(frame, power);
    for (let bin = 0; bin < power.length; bin++) {
      const magnitude = Math.fround(Math.sqrt(power[bin]!));
      power[bin] = Math.fround(magnitude * magnitude);
    }
    for (let mel = 0; mel < melBins; mel++) {
      const { firstBin, weights } = filters[mel]!;
      let energy = 0;
      for (let k = 0; k < weights.length; k++) energy += Math.fround(weights[k]! * power[firstBin + k]!);
      energy = Math.fround(energy);
      out[outAt + mel] = Math.log(energy < 1e-9 ? 1e-9 : energy > 1e9 ? 1e9 : energy);
    }
  }

  return {
    melBins,
    hopSamples,
    windowSamples,
    frameCount: (samples) => (samples < windowSamples ? 0 : Math.floor((samples - windowSamples) / hopSamples) + 1),
    writeFrame,
  };
}

/** Features of a whole recording. Row-major [frames, melBins], float32; audio shorter than one window is padded with zeros to one frame. Caller owns the buffer. */
export function extractFeatures(logMel: LogMel, samples: Float32Array): Float32Array {
  let padded = samples;
  if (samples.length < logMel.windowSamples) {
    padded = new Float32Array(logMel.windowSamples);
    padded.set(samples);
  }
  const frames = logMel.frameCount(padded.length);
  const out = new Float32Array(frames * logMel.melBins);
  for (let t = 0; t < frames; t++) logMel.writeFrame(padded, t * logMel.hopSamples, out, t * logMel.melBins);
  return out;
}
