import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { filterBankFor } from "../../../../src/engine/audio/resample/kernel.ts";
import { createResampler } from "../../../../src/engine/audio/resample/resample.ts";
import { decibels, join, tone } from "./helpers.ts";
import { fuzzRuns } from "../../../support/fuzz.ts";

function resample(input: Float32Array, fromHz: number, toHz: number): Float32Array {
  const resampler = createResampler(fromHz, toHz);
  return join([resampler.push(input), resampler.flush()]);
}

/** Without the edges, where the filter sees the silence around the signal. */
function middle(samples: Float32Array): Float32Array {
  return samples.subarray(Math.floor(samples.length * 0.2), Math.floor(samples.length * 0.8));
}

const DOWN = [16_001, 22_050, 24_000, 32_000, 44_100, 44_101, 48_000, 96_000, 191_999, 192_000];
const UP = [4000, 4001, 8000, 11_025, 12_000, 15_999];

describe("resampler pass band", () => {
  for (const fromHz of [...DOWN, ...UP]) {
    it(`is flat within 0.1 dB and in time from ${fromHz} Hz`, () => {
      const edge = 0.9 * Math.min(8000, fromHz / 2);
      for (const hz of [50, edge * 0.25, edge * 0.5, edge * 0.75, edge * 0.9, edge]) {
        const output = middle(resample(tone(hz, fromHz, fromHz), fromHz, 16_000));
        const wanted = middle(tone(hz, 16_000, 16_000));
        expect(Math.abs(decibels(output, wanted))).toBeLessThan(0.1);
        // Same phase: what differs from the ideal samples is no more than the ripple.
        const difference = output.map((value, i) => value - wanted[i]!);
        expect(decibels(difference, wanted)).toBeLessThan(-80);
      }
    });
  }
});

describe("resampler stop band", () => {
  for (const fromHz of DOWN) {
    it(`keeps tones above 8 kHz at ${fromHz} Hz 90 dB down`, () => {
      const top = fromHz / 2;
      for (const hz of [
        8000.5, 8100, 8500, 9000, 10_000, 12_345, 16_000.5, 20_000, 31_000, 45_073, 47_999, 80_000, 89_571, 95_000,
      ]) {
        if (hz >= top) continue;
        const input = tone(hz, fromHz, Math.floor(fromHz / 2), 0.9);
        expect(decibels(middle(resample(input, fromHz, 16_000)), input)).toBeLessThan(-90);
      }
    });
  }

  it("keeps a sweep from 8 kHz to 24 kHz 90 dB down", () => {
    const sweep = Float32Array.from({ length: 96_000 }, (_, i) => {
      const t = i / 48_000;
      return 0.9 * Math.sin(2 * Math.PI * (8001 * t + (15_900 / 2 / 2) * t * t));
    });
    expect(decibels(middle(resample(sweep, 48_000, 16_000)), sweep)).toBeLessThan(-90);
  });

  for (const fromHz of UP) {
    it(`keeps the images of tones at ${fromHz} Hz 90 dB down`, () => {
      for (const part of [0.1, 0.45, 0.8, 0.9]) {
        const hz = (part * fromHz) / 2;
        const output = middle(resample(tone(hz, fromHz, fromHz), fromHz, 16_000));
        expect(decibels(withoutTone(output, hz, 16_000), output)).toBeLessThan(-90);
      }
    });
  }
});

describe("resampler timing", () => {
  it("gives round(n · to / from) samples for any length and rate", () => {
    fc.assert(
      fc.property(fc.integer({ min: 4000, max: 192_000 }), fc.integer({ min: 0, max: 5000 }), (fromHz, count) => {
        const output = resample(new Float32Array(count), fromHz, 16_000);
        expect(output.length).toBe(Math.round((count * 16_000) / fromHz));
      }),
      fuzzRuns(60, { quick: 10 }),
    );
  });

  it("gives round(n · to / from) samples of a few samples at the usual rates", () => {
    for (const fromHz of [32_000, 40_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000]) {
      for (let count = 0; count < 60; count++) {
        expect(resample(new Float32Array(count), fromHz, 16_000).length).toBe(Math.round((count * 16_000) / fromHz));
      }
    }
  });

  it("puts an impulse where it was, to a tenth of a sample", () => {
    for (const fromHz of [8000, 44_100, 44_101, 48_000, 192_000]) {
      const at = Math.floor(fromHz / 3);
      const input = new Float32Array(fromHz);
      input[at] = 1;
      const output = resample(input, fromHz, 16_000);
      let weight = 0;
      let moment = 0;
      output.forEach((value, i) => {
        weight += value ** 2;
        moment += value ** 2 * i;
      });
      expect(Math.abs(moment / weight - (at * 16_000) / fromHz)).toBeLessThan(0.1);
    }
  });

  it("does not depend on how the input is cut, bit for bit", () => {
    const rates = fc.constantFrom(8000, 11_025, 16_001, 44_100, 44_101, 48_000, 192_000);
    fc.assert(
      fc.property(rates, fc.array(fc.nat(3000), { maxLength: 12 }), (fromHz, sizes) => {
        const count = sizes.reduce((sum, size) => sum + size, 0);
        const input = noise(count);
        const resampler = createResampler(fromHz, 16_000);
        const parts: Float32Array[] = [];
        let at = 0;
        for (const size of sizes) {
          parts.push(resampler.push(input.subarray(at, at + size)));
          at += size;
        }
        parts.push(resampler.flush());
        expect(Buffer.from(join(parts).buffer).equals(Buffer.from(resample(input, fromHz, 16_000).buffer))).toBe(true);
      }),
      fuzzRuns(40, { quick: 10 }),
    );
  });

  it("takes one sample at a time", () => {
    const input = noise(2000);
    const resampler = createResampler(44_100, 16_000);
    const parts = Array.from(input, (value) => resampler.push(Float32Array.of(value)));
    expect(join([...parts, resampler.flush()])).toEqual(resample(input, 44_100, 16_000));
  });

  it("starts anew after flush", () => {
    const input = noise(3000);
    const resampler = createResampler(48_000, 16_000);
    const first = join([resampler.push(input), resampler.flush()]);
    expect(join([resampler.push(input), resampler.flush()])).toEqual(first);
  });

  it("copies when both rates are equal", () => {
    const input = noise(10);
    const output = createResampler(16_000, 16_000).push(input);
    expect(output).toEqual(input);
    expect(output.buffer).not.toBe(input.buffer);
  });
});

describe("resampler limits", () => {
  it("refuses rates that are not whole or out of range", () => {
    for (const rate of [3999, 192_001, 44_100.5, Number.NaN, 0, -1]) {
      expect(() => createResampler(rate, 16_000)).toThrow(/whole number 4000–192000/);
    }
  });

  it("keeps every filter bank under 1.2 MiB, also for coprime rates", () => {
    for (const fromHz of [4001, 15_999, 16_001, 44_101, 47_999, 100_003, 191_999]) {
      expect(filterBankFor(fromHz, 16_000).table.byteLength).toBeLessThan(1.2 * 2 ** 20);
    }
  });

  it("survives samples that are not numbers without losing the rest", () => {
    const input = tone(1000, 48_000, 48_000);
    input[100] = Number.NaN;
    const output = resample(input, 48_000, 16_000);
    expect(decibels(output.subarray(1000), tone(1000, 16_000, 15_000))).toBeCloseTo(0, 1);
  });
});

function noise(count: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
    return state / 2 ** 31;
  });
}

/** What is left after the least-squares fit of one sine is taken out. */
function withoutTone(samples: Float32Array, hz: number, sampleRateHz: number): Float32Array {
  let cc = 0;
  let ss = 0;
  let cs = 0;
  let xc = 0;
  let xs = 0;
  const angle = (2 * Math.PI * hz) / sampleRateHz;
  samples.forEach((value, i) => {
    const c = Math.cos(angle * i);
    const s = Math.sin(angle * i);
    cc += c * c;
    ss += s * s;
    cs += c * s;
    xc += value * c;
    xs += value * s;
  });
  const determinant = cc * ss - cs * cs;
  const a = (xc * ss - xs * cs) / determinant;
  const b = (xs * cc - xc * cs) / determinant;
  return samples.map((value, i) => value - a * Math.cos(angle * i) - b * Math.sin(angle * i));
}
