import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { decodeAll } from "./helpers.ts";

/** Hz of the tones in front left, front right and front centre, in the order of WAVE. */
const TONES_HZ = [300, 500, 700];

test("the front channels of surround Vorbis are where WAVE has them", async () => {
  const { channels, sampleRateHz } = await decodeAll(readFileSync("test/fixtures/audio/surround.ogg"));
  expect(channels).toHaveLength(6);
  for (const [channel, hz] of TONES_HZ.entries()) {
    const levels = channels.map((samples) => levelAt(samples, hz / sampleRateHz));
    expect(levels.indexOf(Math.max(...levels))).toBe(channel);
  }
});

/** How loud a tone is, by its frequency in periods a sample. */
function levelAt(samples: Float32Array, frequency: number): number {
  let real = 0;
  let imaginary = 0;
  for (const [i, sample] of samples.entries()) {
    real += sample * Math.cos(2 * Math.PI * frequency * i);
    imaginary += sample * Math.sin(2 * Math.PI * frequency * i);
  }
  return Math.hypot(real, imaginary) / samples.length;
}
