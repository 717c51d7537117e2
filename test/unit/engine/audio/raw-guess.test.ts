import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { A_LAW, MU_LAW } from "../../../../src/engine/audio/codec/pcm.ts";
import { decodeAll, refusal } from "./helpers.ts";
import { createRandom } from "./mutations.ts";

/** Of both voices, 16 kHz. */
const CLIPS = readdirSync("test/fixtures/eval")
  .filter((file) => /_(?:espeak|festival)_0[25]\.wav$/.test(file))
  .map((file) => samplesOf(readFileSync(`test/fixtures/eval/${file}`)));

/** Every width, order and law: how samples are written, and the advice that reads them. */
const KINDS: readonly [name: string, write: (sample: number) => number[], advice: string][] = [
  ["µ-law", (sample) => [nearest(MU_LAW, sample)], "add codec=pcmu "],
  ["A-law", (sample) => [nearest(A_LAW, sample)], "add codec=pcma "],
  ["s16le", (sample) => bytesOf(sample, 2), "add codec=s16le "],
  ["s16be", (sample) => bytesOf(sample, 2).toReversed(), "ffmpeg -f s16be -ar 16000 -ac 1 "],
  ["s24le", (sample) => bytesOf(sample, 3), "ffmpeg -f s24le -ar 16000 -ac 1 "],
  ["s24be", (sample) => bytesOf(sample, 3).toReversed(), "ffmpeg -f s24be -ar 16000 -ac 1 "],
  ["s32le", (sample) => bytesOf(sample, 4), "ffmpeg -f s32le -ar 16000 -ac 1 "],
  ["s32be", (sample) => bytesOf(sample, 4).toReversed(), "ffmpeg -f s32be -ar 16000 -ac 1 "],
  ["u8", (sample) => [128 + Math.round(sample * 127)], "ffmpeg -f u8 -ar 16000 -ac 1 "],
  ["s8", (sample) => [Math.round(sample * 127) & 255], "ffmpeg -f s8 -ar 16000 -ac 1 "],
  ["stereo s16le", (sample) => [...bytesOf(sample, 2), ...bytesOf(sample / 2, 2)], "ffmpeg -f s16le -ar 16000 -ac 2 "],
  [
    "stereo µ-law",
    (sample) => [nearest(MU_LAW, sample), nearest(MU_LAW, -0.9 * sample)],
    "ffmpeg -f mulaw -ar 16000 -ac 2 ",
  ],
];

describe("samples without a header", () => {
  for (const [name, write, advice] of KINDS) {
    test(`${name}: the advice is right, or there is none`, async () => {
      let right = 0;
      for (const [i, clip] of CLIPS.entries()) {
        const told = await refusal(
          Uint8Array.from([...clip].flatMap((sample) => write(i % 2 === 0 ? sample : sample / 4))),
        );
        if (told.includes(advice)) right++;
        else expect(told).not.toMatch(/codec=|-f \w+ -ar 16000/);
      }
      expect(right).toBeGreaterThanOrEqual(CLIPS.length / 2);
    });
  }
});

describe("codes of a few bits without a header", () => {
  const dataOf = (file: string): Uint8Array => {
    const bytes = readFileSync(`test/fixtures/audio/${file}`);
    return bytes.subarray(bytes.indexOf("data", 12, "latin1") + 8);
  };
  const coded: readonly [name: string, all: readonly Uint8Array[]][] = [
    ["G.722", [dataOf("g722.wav")]],
    ["G.726", [dataOf("g726.wav")]],
    ["Dialogic .vox", CLIPS.map(encodeVox)],
  ];
  for (const [name, all] of coded) {
    test(`${name}: no codec is advised, the candidates are named`, async () => {
      let named = 0;
      for (const bytes of all) {
        const told = await refusal(bytes);
        expect(told).not.toMatch(/codec=|-f \w+ -ar 16000/);
        if (/G\.722.*G\.726.*\.vox/.test(told)) named++;
      }
      expect(named).toBeGreaterThan(all.length / 2);
    });
  }

  test("nothing is advised for noise", async () => {
    const random = createRandom(15);
    const noise = Uint8Array.from({ length: 60_000 }, () => random(256));
    expect(await refusal(noise)).not.toMatch(/codec=|ffmpeg -f|sox/);
  });
});

test("what is advised is read: µ-law, A-law, s16le", async () => {
  const [clip] = CLIPS;
  for (const [codec, write] of [
    ["pcmu", KINDS[0]![1]],
    ["pcma", KINDS[1]![1]],
    ["s16le", KINDS[2]![1]],
  ] as const) {
    const bytes = Uint8Array.from([...clip!].flatMap(write));
    const { channels } = await decodeAll(bytes, { headerless: { codec, sampleRateHz: 16_000 } });
    expect(channels[0]!.every((sample, i) => Math.abs(sample - clip![i]!) < 0.04)).toBe(true);
  }
});

// ---

function samplesOf(wav: Buffer): Float32Array {
  const at = wav.indexOf("data", 12, "latin1") + 8;
  return Float32Array.from(
    { length: Math.min(40_000, (wav.length - at) >> 1) },
    (_, i) => wav.readInt16LE(at + 2 * i) / 32_768,
  );
}

function bytesOf(sample: number, width: number): number[] {
  const value = Math.round(sample * (2 ** (8 * width - 1) - 1));
  return Array.from({ length: width }, (_, i) => Math.floor(value / 2 ** (8 * i)) & 255);
}

function nearest(law: Float32Array, sample: number): number {
  let codes = NEAREST.get(law);
  if (!codes) NEAREST.set(law, (codes = new Map()));
  const rounded = Math.round(sample * 8192) / 8192;
  let code = codes.get(rounded);
  if (code === undefined) {
    code = law.reduce((best, value, i) => (Math.abs(value - rounded) < Math.abs(law[best]! - rounded) ? i : best), 0);
    codes.set(rounded, code);
  }
  return code;
}

/** Codes by sample: looked up often. */
const NEAREST = new Map<Float32Array, Map<number, number>>();

/** Dialogic ADPCM: 12 bits, codes of 4 bits, the first one high. */
function encodeVox(clip: Float32Array): Uint8Array {
  const steps = Array.from({ length: 49 }, (_, i) => Math.floor(16 * 1.1 ** i));
  let index = 0;
  let value = 0;
  const codes = Array.from({ length: clip.length >> 1 }, (_, i) => {
    const step = steps[index]!;
    const left = Math.round(clip[2 * i]! * 2047) - value;
    const size = Math.min(7, Math.floor((Math.abs(left) * 4) / step));
    value += Math.sign(left) * Math.floor((step * (2 * size + 1)) / 8);
    index = Math.max(0, Math.min(48, index + [-1, -1, -1, -1, 2, 4, 6, 8][size]!));
    return (left < 0 ? 8 : 0) | size;
  });
  return Uint8Array.from({ length: codes.length >> 1 }, (_, i) => (codes[2 * i]! << 4) | codes[2 * i + 1]!);
}
