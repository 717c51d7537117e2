import { readFileSync } from "node:fs";
import type { FrontEnd } from "../../../src/models/manifest.ts";

export const DEMO_FRONT_END: FrontEnd = {
  sampleRateHz: 16_000,
  windowSamples: 320,
  hopSamples: 160,
  melBins: 64,
  minHz: 0,
  maxHz: 8000,
  bfloat16Buffers: false,
};

/** Samples of an evaluation clip: these files are plain 16-bit mono WAV with a 44-byte header. */
export function readClip(name: string): Float32Array {
  const bytes = readFileSync(new URL(`../../fixtures/eval/${name}`, import.meta.url));
  const at = bytes.indexOf("data", 12, "latin1") + 8;
  const samples = new Float32Array((bytes.length - at) >> 1);
  for (let n = 0; n < samples.length; n++) samples[n] = bytes.readInt16LE(at + 2 * n) / 32768;
  return samples;
}
