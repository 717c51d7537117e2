import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseAudioSpecificConfig } from "../../../../src/engine/audio/aac/aac.ts";
import { decodeAudio } from "../../../../src/engine/audio/decode.ts";
import { decodeAll, inPieces } from "./helpers.ts";

const read = (file: string): Uint8Array => new Uint8Array(readFileSync(`test/fixtures/audio/${file}`));

describe("AAC with more than two channels", () => {
  // Each channel has a tone of its own, in the order of WAVE: 300 Hz and 200 Hz more for each next one, 60 Hz in the low one.
  const files: readonly [file: string, tones: readonly number[], speakers: number][] = [
    ["surround-5.1.m4a", [300, 500, 700, 60, 1100, 1300], 0x3f],
    ["surround-5.1.aac", [300, 500, 700, 60, 1100, 1300], 0x3f],
    // A program config element: in the decoder's configuration, and in the first frame.
    ["surround-2.1.m4a", [300, 500, 60], 0xb],
    ["surround-2.1.aac", [300, 500, 60], 0xb],
  ];
  for (const [file, tones, speakers] of files) {
    it(`${file}: every channel is decoded and has its speaker`, async () => {
      const audio = await decodeAudio(inPieces(read(file), 500), {
        maxDurationMs: 60_000,
        signal: new AbortController().signal,
      });
      for await (const block of audio.blocks) expect(block.speakers).toBe(speakers);
      const { channels, sampleRateHz, warnings } = await decodeAll(read(file));
      expect(warnings).toEqual([]);
      expect(channels.map((samples) => loudest(samples, sampleRateHz, tones))).toEqual(tones);
    });
  }

  it("the channels of a program config element are counted", () => {
    // AAC-LC, 48 kHz, no channel configuration, then three single channels in front and one low-frequency channel.
    const fields = [
      "00010",
      "0011",
      "0000",
      "000",
      "0000",
      "01",
      "0011",
      "0011",
      "0000",
      "0000",
      "01",
      "000",
      "0000",
      "000",
    ];
    const bits = [...fields, "00000", "00000", "00000", "0000"].join("");
    const bytes = bits.match(/.{1,8}/g)!.map((byte) => Number.parseInt(byte.padEnd(8, "0"), 2));
    expect(parseAudioSpecificConfig(Uint8Array.from(bytes))).toMatchObject({ sampleRateHz: 48_000, channelCount: 4 });
  });
});

describe("HE-AAC", () => {
  for (const file of ["he-aac.m4a", "he-aac.aac"]) {
    it(`${file}: is decoded whole, upper band and all`, async () => {
      const { warnings, channels, sampleRateHz } = await decodeAll(read(file));
      expect(warnings).toEqual([]);
      expect(sampleRateHz).toBe(24_000);
      // The core ends at 6 kHz: what lies above it is made from the description.
      const above = bandLevel(channels[0]!, sampleRateHz, 7000);
      expect(above).toBeGreaterThan(bandLevel(channels[0]!, sampleRateHz, 1500) / 300);
    });
  }
});

/** Mean magnitude of the sound within 500 Hz of `centerHz`. */
function bandLevel(samples: Float32Array, sampleRateHz: number, centerHz: number): number {
  let sum = 0;
  for (let hz = centerHz - 500; hz <= centerHz + 500; hz += 50) {
    let sine = 0;
    let cosine = 0;
    samples.forEach((value, i) => {
      sine += value * Math.sin((2 * Math.PI * hz * i) / sampleRateHz);
      cosine += value * Math.cos((2 * Math.PI * hz * i) / sampleRateHz);
    });
    sum += Math.hypot(sine, cosine);
  }
  return sum;
}

/** The one of `tones` that is loudest in the middle of `samples`. */
function loudest(samples: Float32Array, sampleRateHz: number, tones: readonly number[]): number {
  const middle = samples.subarray(1500, samples.length - 1500);
  const levels = tones.map((hz) => {
    let sine = 0;
    let cosine = 0;
    middle.forEach((value, i) => {
      sine += value * Math.sin((2 * Math.PI * hz * i) / sampleRateHz);
      cosine += value * Math.cos((2 * Math.PI * hz * i) / sampleRateHz);
    });
    return Math.hypot(sine, cosine);
  });
  return tones[levels.indexOf(Math.max(...levels))]!;
}
