import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createBitReader } from "../../../../src/engine/audio/aac/aac.ts";
import { layoutOf, parseProgramConfig } from "../../../../src/engine/audio/aac/layout.ts";
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

  it("layouts have as many speakers as channels, each once", () => {
    for (const config of [1, 2, 3, 4, 5, 6, 7, 11, 12]) {
      const { channelCount, speakers } = layoutOf(config)!;
      expect(new Set(speakers).size).toBe(channelCount);
    }
    expect(layoutOf(0)).toBeUndefined();
    expect(layoutOf(8)).toBeUndefined();
  });

  it("a program config element with more channels than there are names for has a count alone", () => {
    // Three single channels in front.
    const fields = [
      "0000",
      "01",
      "0011",
      "0011",
      "0000",
      "0000",
      "00",
      "000",
      "0000",
      "000",
      "00000",
      "00000",
      "00000",
    ];
    const bits = fields.join("");
    const bytes = bits.match(/.{1,8}/g)!.map((byte) => Number.parseInt(byte.padEnd(8, "0"), 2));
    expect(parseProgramConfig(createBitReader(Uint8Array.from(bytes)))).toEqual({
      channelCount: 3,
      speakers: undefined,
    });
  });
});

describe("HE-AAC", () => {
  for (const file of ["he-aac.m4a", "he-aac.aac"]) {
    it(`${file}: the answer says that the upper band is missing`, async () => {
      const { warnings, channels } = await decodeAll(read(file));
      expect(channels[0]!.length).toBeGreaterThan(0);
      expect(warnings.map(({ code }) => code)).toEqual(["core_only"]);
      expect(warnings[0]!.message).toContain("ffmpeg -i FILE -ac 1 -ar 16000 OUT.wav");
      await expect(decodeAll(read(file), { strict: true })).resolves.toBeDefined();
    });
  }

  it("AAC-LC has no such warning", async () => {
    for (const file of ["adts.aac", "index-first.m4a", "aac.mka"]) {
      expect((await decodeAll(read(file))).warnings).toEqual([]);
    }
  });
});

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
