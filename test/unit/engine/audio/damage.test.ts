import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeAll, latin1, refusal, rms } from "./helpers.ts";

// Damage in the middle of a file: what lies before and behind it is decoded, and keeps its time.

const read = (file: string): Uint8Array => new Uint8Array(readFileSync(`test/fixtures/audio/${file}`));

const FILES = ["pages.opus", "pages.ogg", "clusters.webm"];
const KINDS: readonly [name: string, spoil: (bytes: Uint8Array, at: number) => Uint8Array][] = [
  ["missing bytes", (bytes, at) => join(bytes.subarray(0, at), bytes.subarray(at + 211))],
  ["other bytes between", (bytes, at) => join(bytes.subarray(0, at), latin1("x".repeat(211)), bytes.subarray(at))],
];

for (const file of FILES) {
  for (const [name, spoil] of KINDS) {
    it(`${file}: ${name} cost what they hit, with the warning damaged`, async () => {
      const bytes = read(file);
      const whole = (await decodeAll(bytes)).channels[0]!;
      // Pauses of up to 60 ms are not filled.
      for (const part of [0.65, 0.7, 0.75, 0.8]) {
        const spoiled = spoil(bytes, Math.floor(bytes.length * part));
        const { channels, warnings, sampleRateHz } = await decodeAll(spoiled);
        const samples = channels[0]!;
        expect(warnings.map(({ code }) => code)).toContain("damaged");
        const begin = Math.floor(whole.length * 0.2);
        expect(samples.subarray(0, begin)).toEqual(whole.subarray(0, begin));
        // What is heard behind the damage is heard when it was said: the last 0.15 s are alike, at the same time.
        const tail = [Math.floor(whole.length - 0.3 * sampleRateHz), Math.floor(whole.length - 0.15 * sampleRateHz)];
        const wanted = whole.subarray(...tail);
        const difference = samples.subarray(...tail).map((value, i) => value - wanted[i]!);
        expect(Math.abs(samples.length - whole.length)).toBeLessThan(0.065 * sampleRateHz);
        expect(rms(difference)).toBeLessThan(Math.max(rms(wanted) / 5, 0.003));
        expect(await refusal(spoiled, { strict: true })).toMatch(/^invalid_audio: /);
      }
    });
  }
}

describe("a flipped bit", () => {
  for (const file of ["pages.opus", "pages.ogg"]) {
    it(`${file}: costs its page, wherever it lies behind the headers`, async () => {
      const bytes = read(file);
      const whole = (await decodeAll(bytes)).channels[0]!;
      for (let at = Math.floor(bytes.length * 0.65); at < bytes.length - 100; at += 397) {
        const { channels, warnings } = await decodeAll(bytes.map((byte, i) => (i === at ? byte ^ 4 : byte)));
        expect(warnings.length).toBeGreaterThan(0);
        expect(channels[0]!.length).toBeGreaterThan(whole.length * 0.85);
        expect(channels[0]!.length).toBeLessThan(whole.length * 1.02);
      }
    });
  }
});

function join(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
