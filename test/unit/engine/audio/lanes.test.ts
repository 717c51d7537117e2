import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readLanes } from "../../../../src/engine/audio/lanes.ts";
import { createMixer, SPEAKERS_BY_COUNT } from "../../../../src/engine/audio/mix.ts";
import type { AudioBlock, DecodedAudio } from "../../../../src/engine/audio/types.ts";
import { join, rms, tone } from "./helpers.ts";

const RATE = 16_000;
const block = (...channels: Float32Array[]): AudioBlock => ({ sampleRateHz: RATE, channels });
const mix = (value: AudioBlock): Float32Array => createMixer(() => {})(value);

describe("the mix", () => {
  test("is the mean of channels whose speakers are not named, and one channel passes through", () => {
    expect(mix(block(Float32Array.of(1, 0.5), Float32Array.of(-1, 0.25), Float32Array.of(0.75, 0)))).toEqual(
      Float32Array.of(0.25, 0.25),
    );
    const only = Float32Array.of(0.1);
    expect(mix(block(only))).toBe(only);
  });

  test("of surround loses 3 dB of the centre, nothing of a pair in front, and leaves out the low frequencies", () => {
    const wave = tone(440, RATE, 1600);
    const silent: Float32Array = new Float32Array(1600);
    for (const count of [5, 6, 7, 8]) {
      const speakers = SPEAKERS_BY_COUNT[count]!;
      const channels = Array.from({ length: count }, () => silent);
      const centre = mix({ sampleRateHz: RATE, speakers, channels: channels.with(2, wave) });
      expect(rms(centre) / rms(wave)).toBeCloseTo(Math.SQRT1_2, 4);
      const front = mix({ sampleRateHz: RATE, speakers, channels: channels.with(0, wave).with(1, wave) });
      expect(rms(front) / rms(wave)).toBeCloseTo(1, 4);
      if (count < 6) continue;
      expect(rms(mix({ sampleRateHz: RATE, speakers, channels: channels.with(3, wave) }))).toBe(0);
    }
  });
});

describe("a pair in opposite phase", () => {
  const clip = readFileSync("test/fixtures/eval/dev_espeak_07.wav").subarray(44);
  const speech = Float32Array.from({ length: clip.length >> 1 }, (_, i) => clip.readInt16LE(2 * i) / 32768);
  const turned = (gain: number): Float32Array => speech.map((value) => -gain * value);
  const inBlocks = (left: Float32Array, right: Float32Array): { mixed: Float32Array; warnings: string[] } => {
    const warnings: string[] = [];
    const mixer = createMixer((code) => warnings.push(code));
    const parts: Float32Array[] = [];
    for (let at = 0; at < left.length; at += 8000) {
      parts.push(mixer(block(left.subarray(at, at + 8000), right.subarray(at, at + 8000))));
    }
    return { mixed: join(parts), warnings };
  };

  test("keeps its speech at full level, with one warning, also when one side is softer", () => {
    for (const gain of [1, 0.7, 0.3]) {
      const { mixed, warnings } = inBlocks(speech, turned(gain));
      expect(rms(mixed) / rms(speech)).toBeGreaterThan(0.95);
      expect(warnings).toEqual(["opposite_phase"]);
    }
  });

  test("ordinary stereo is not taken for it", () => {
    const later = new Float32Array(speech.length);
    later.set(speech.subarray(0, -37), 37);
    for (const right of [speech, later, new Float32Array(speech.length), tone(500, RATE, speech.length, 0.1)]) {
      const { mixed, warnings } = inBlocks(speech, right);
      expect(warnings).toEqual([]);
      expect(mixed).toEqual(speech.map((value, i) => Math.fround(Math.fround(value * 0.5) + right[i]! * 0.5)));
    }
  });
});

describe("lanes", () => {
  async function lanesOf(blocks: readonly AudioBlock[], split: boolean): Promise<Float32Array[]> {
    const first = blocks[0]!;
    const audio: DecodedAudio = {
      format: "test",
      sampleRateHz: first.sampleRateHz,
      channelCount: first.channels.length,
      totalS: undefined,
      warnings: [],
      warn: () => {},
      blocks: (async function* () {
        yield* blocks;
      })(),
    };
    const parts: Float32Array[][] = [];
    for await (const part of readLanes(audio, { sampleRateHz: RATE, split })) parts.push(part);
    return parts[0]!.map((_, lane) => join(parts.map((part) => part[lane]!)));
  }

  test("keep their length and level where the rate changes", async () => {
    const parts = [8000, 44_100, 24_000].map((rate): AudioBlock => ({
      sampleRateHz: rate,
      channels: [tone(440, rate, rate)],
    }));
    const [mono] = await lanesOf(parts, false);
    expect(mono).toHaveLength(3 * RATE);
    for (const second of [0, 1, 2]) {
      const middle = mono!.subarray((second + 0.25) * RATE, (second + 0.75) * RATE);
      expect(rms(middle)).toBeCloseTo(0.5 * Math.SQRT1_2, 2);
    }
  });

  test("of a file whose channel count changes lose no channel's sound", async () => {
    const wave = tone(440, RATE, 800);
    const silent = new Float32Array(800);
    const lanes = await lanesOf([block(wave, silent), block(wave), block(silent, silent, wave)], true);
    expect(lanes).toHaveLength(2);
    for (const lane of lanes) {
      expect(lane).toHaveLength(2400);
      expect(rms(lane.subarray(800, 1600))).toBeCloseTo(rms(wave), 5);
      expect(rms(lane.subarray(1600))).toBeCloseTo(rms(wave) / 3, 5);
    }
  });
});
