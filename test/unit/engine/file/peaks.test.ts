import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFakeEngine } from "../../../../src/engine/fake.ts";
import { createPeakMeter } from "../../../../src/engine/file/peaks.ts";
import { wavFile } from "../../../../src/shared/wav.ts";

describe("peaks of a recording", () => {
  it("are the same however the samples are split, as many as fit, and the loudest of each stretch of all channels", () => {
    const pieces = fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 60 });
    fc.assert(
      fc.property(pieces, fc.integer({ min: 1, max: 3 }), (lengths, channelCount) => {
        const total = lengths.reduce((sum, length) => sum + length, 0);
        const channels = Array.from({ length: channelCount }, (_, channel) =>
          Float32Array.from({ length: total }, (_unused, index) => Math.sin(index * (0.01 + channel)) * 0.9),
        );
        const meter = createPeakMeter();
        let at = 0;
        for (const length of lengths) {
          meter.push(channels.map((samples) => samples.subarray(at, at + length)));
          at += length;
        }
        let stretch = 16;
        while (Math.floor(total / stretch) >= 2048) stretch *= 2;
        const expected = Array.from({ length: Math.ceil(total / stretch) }, (_, place) => {
          let loudest = 0;
          for (const samples of channels)
            for (const sample of samples.subarray(place * stretch, (place + 1) * stretch))
              loudest = Math.max(loudest, Math.abs(sample));
          return Math.round(loudest * 255);
        });
        expect(meter.peaks()).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it("come with the transcript of whoever asks, without a second pass", async () => {
    const engine = createFakeEngine();
    await engine.start();
    const silenceThenSound = Float32Array.from({ length: 32_000 }, (_, index) =>
      index < 16_000 ? 0 : Math.sin(index / 5) * 0.5,
    );
    let reads = 0;
    async function* audio(): AsyncGenerator<Uint8Array> {
      reads++;
      yield wavFile(Int16Array.from(silenceThenSound, (sample) => sample * 32_767));
    }
    const ask = { maxDurationMs: 60_000, signal: new AbortController().signal };
    const [asked] = await engine.transcribe({ ...ask, audio: audio(), wantsPeaks: true });
    const [plain] = await engine.transcribe({ ...ask, audio: audio() });
    await engine.close();
    expect(reads).toBe(2);
    const peaks = asked?.peaks ?? [];
    const middle = peaks.length / 2;
    expect(peaks.length).toBe(2000);
    expect(Math.max(...peaks.slice(0, middle))).toBe(0);
    expect(Math.min(...peaks.slice(middle + 1))).toBeGreaterThan(110);
    expect(plain).toEqual({ ...asked, peaks: undefined });
  });
});
