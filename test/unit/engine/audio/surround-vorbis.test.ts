import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { decodeAll } from "./helpers.ts";

/** Hz of the tones of 3 to 8 channels in the order of WAVE, each in its own; the fourth of 5.1 and more is the one for low frequencies. */
const tonesOf = (count: number): number[] =>
  [300, 500, 700, count >= 6 ? 90 : 900, 1100, 1300, 1500, 1700].slice(0, count);
/** What the tones were encoded with, peak. */
const LEVEL = 9000 / 32_768;

// Encoded by FFmpeg's libvorbis: the coupling of its surround modes is a chain, in which one wrong step takes the sound of another channel.
test.each([3, 4, 5, 6, 7, 8])(
  "%i channels of Vorbis: each has its own tone, as loud as it was, and no other",
  async (count) => {
    const { channels, sampleRateHz } = await decodeAll(readFileSync(`test/fixtures/audio/surround-${count}.ogg`));
    expect(channels).toHaveLength(count);
    for (const [channel, hz] of tonesOf(count).entries()) {
      for (const [other, samples] of channels.entries()) {
        const level = (2 * levelAt(samples, hz / sampleRateHz)) / LEVEL;
        if (other === channel) expect(level, `${hz} Hz in channel ${channel}`).toBeGreaterThan(0.8);
        else expect(level, `${hz} Hz in channel ${other}`).toBeLessThan(0.05);
      }
    }
  },
);

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
