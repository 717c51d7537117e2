import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createRealFft } from "../../../../src/engine/features/fft.ts";
import { createLogMel, extractFeatures } from "../../../../src/engine/features/log-mel.ts";
import { DEMO_FRONT_END, readClip } from "../support.ts";

test.each(["dev_espeak_00", "dev_espeak_07", "dev_festival_03"])(
  "features of %s equal the float64 golden vectors within 1e-4",
  (name) => {
    const bytes = readFileSync(new URL(`../../../fixtures/golden/${name}.logmel.f32`, import.meta.url));
    const golden = new Float32Array(new Uint8Array(bytes).buffer);
    const features = extractFeatures(createLogMel(DEMO_FRONT_END), readClip(`${name}.wav`));
    expect(features.length).toBe(golden.length);
    let worst = 0;
    for (let k = 0; k < golden.length; k++) worst = Math.max(worst, Math.abs(golden[k]! - features[k]!));
    expect(worst).toBeLessThan(1e-4);
  },
);

test.each([320, 400, 512, 48, 30])("the real FFT of size %i equals the naive transform", (size) => {
  const frame = Float64Array.from({ length: size }, (_, n) => Math.sin(n * 1.3) + Math.cos(n * n * 0.01));
  const power = new Float64Array(size / 2 + 1);
  createRealFft(size).power(frame, power);
  for (let k = 0; k <= size / 2; k++) {
    let re = 0;
    let im = 0;
    for (let n = 0; n < size; n++) {
      re += frame[n]! * Math.cos((2 * Math.PI * k * n) / size);
      im -= frame[n]! * Math.sin((2 * Math.PI * k * n) / size);
    }
    expect(Math.abs(power[k]! - (re * re + im * im))).toBeLessThan(1e-5 * size);
  }
});

test("a window whose half has another prime factor is refused with the rule", () => {
  expect(() => createRealFft(2 * 7)).toThrow("window must be 2·2^a·3^b·5^c samples, got 14");
});

test("audio shorter than one window gives one padded frame", () => {
  expect(extractFeatures(createLogMel(DEMO_FRONT_END), new Float32Array(10)).length).toBe(64);
});
