import { readFileSync } from "node:fs";
import { defaultConfig } from "../../../src/config/defaults.ts";
import type { ResolvedConfig } from "../../../src/config/types.ts";
import { locateModel } from "../../../src/models/locate.ts";
import type { FrontEnd, ModelBundle } from "../../../src/models/manifest.ts";

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

/** The defaults; nothing here depends on the machine. */
export const DEMO_CONFIG: ResolvedConfig = defaultConfig;

export function demoBundle(precision: "int8" | "fp32"): Promise<ModelBundle> {
  return locateModel({ id: "demo-ru-rnnt", precision, dir: undefined }, { env: {} });
}

/** One clip of the evaluation set with its reference decode. */
export interface EvalClip {
  readonly file: string;
  readonly text: string;
  readonly seconds: number;
  readonly reference_decode: Readonly<
    Record<
      "fp32" | "int8",
      {
        readonly text: string;
        readonly ids: readonly number[];
        readonly frames: readonly number[];
        readonly confidence: readonly number[];
      }
    >
  >;
}

export const EVAL_CLIPS: readonly EvalClip[] = JSON.parse(
  readFileSync(new URL("../../fixtures/eval/manifest.json", import.meta.url), "utf8"),
);
