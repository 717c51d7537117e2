import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatBytes, formatDuration, parseBytes, parseDurationMs } from "../../../src/shared/units.ts";
import { SEED } from "../../support/fuzz.ts";

describe("durations", () => {
  it("reads every unit, combinations, fractions and 0", () => {
    const read = ["250ms", "10s", "5m", "1h30m", "2d", "1.5s", "0", "0s", "1h0m5s"].map(parseDurationMs);
    expect(read).toEqual([250, 10_000, 300_000, 5_400_000, 172_800_000, 1500, 0, 0, 3_605_000]);
  });
  it("refuses what has no unit, an unknown one, a sign, spaces or more milliseconds than a number holds", () => {
    for (const text of ["10", "10 s", "-1s", "s", "", "1w", "1S", "1e3s", `${"9".repeat(20)}d`, ".5s", "1s2"]) {
      expect(parseDurationMs(text), text).toBeUndefined();
    }
  });
  it("writes what it reads again", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (ms) => {
        expect(parseDurationMs(formatDuration(ms))).toBe(ms);
      }),
      { seed: SEED },
    );
    expect([0, 250, 1500, 65_000, 3_600_000, 90_061_001].map(formatDuration)).toEqual([
      "0",
      "250ms",
      "1s500ms",
      "1m5s",
      "1h",
      "1d1h1m1s1ms",
    ]);
  });
});

describe("sizes", () => {
  it("reads binary and decimal units", () => {
    const read = ["100B", "1KB", "1KiB", "50MiB", "1.5GiB", "2GB", "0B"].map(parseBytes);
    expect(read).toEqual([100, 1000, 1024, 52_428_800, 1_610_612_736, 2_000_000_000, 0]);
  });
  it("refuses what has no unit, an unknown one, a sign or spaces", () => {
    for (const text of ["100", "1M", "1mb", "-1B", "1 KiB", "", "1TiB", `${"9".repeat(20)}GB`])
      expect(parseBytes(text), text).toBeUndefined();
  });
  it("writes what it reads again", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 45 }), (bytes) => {
        expect(parseBytes(formatBytes(bytes))).toBe(bytes);
      }),
      { seed: SEED },
    );
    expect([0, 1000, 1024, 52_428_800, 2 ** 30].map(formatBytes)).toEqual(["0B", "1000B", "1KiB", "50MiB", "1GiB"]);
  });
});
