import { describe, expect, it } from "vitest";
import { createUploadPace } from "../../../../../src/runtime/http/uploads/upload-pace.ts";
import { createManualClock } from "../../../../support/manual-clock.ts";

/** 80 kbit/s = 10 bytes a millisecond. */
const setUp = () => {
  const clock = createManualClock();
  return { clock, pace: createUploadPace(clock, 80, 30_000) };
};

describe("createUploadPace", () => {
  it("waits for the grace when nothing comes, and no longer", () => {
    const { clock, pace } = setUp();
    clock.advance(30_000);
    expect(pace.slackMs).toBeGreaterThanOrEqual(0);
    clock.advance(1);
    expect(pace.slackMs).toBeLessThan(0);
  });

  it("is content with exactly the minimum rate for ever, and not with a little less", () => {
    const exact = setUp();
    const less = setUp();
    let fellBehindAfterS = 0;
    for (let second = 1; second <= 3600; second++) {
      for (const [{ clock, pace }, bytes] of [
        [exact, 10_000],
        [less, 9900],
      ] as const) {
        clock.advance(1000);
        pace.received(bytes);
      }
      expect(exact.pace.slackMs, `after ${second} s`).toBeGreaterThanOrEqual(0);
      if (less.pace.slackMs < 0 && fellBehindAfterS === 0) fellBehindAfterS = second;
    }
    expect(fellBehindAfterS).toBeGreaterThan(2900);
  });

  it("pays a fast start with no more than the grace", () => {
    const { clock, pace } = setUp();
    pace.received(50_000_000);
    clock.advance(30_000);
    expect(pace.slackMs).toBeGreaterThanOrEqual(0);
    pace.received(1);
    clock.advance(1);
    expect(pace.slackMs).toBeLessThan(0);
  });

  it("stands still while the client is kept from sending", () => {
    const { clock, pace } = setUp();
    pace.received(300_000);
    const before = pace.bytesPerS;
    pace.holdUp(true);
    clock.advance(1e6);
    expect([pace.slackMs >= 0, pace.ownMs]).toEqual([true, 0]);
    expect(pace.bytesPerS).toBeCloseTo(before);
    pace.holdUp(false);
    clock.advance(29_000);
    expect(pace.slackMs).toBeGreaterThanOrEqual(0);
    clock.advance(2000);
    expect(pace.slackMs).toBeLessThan(0);
  });

  it("tells the recent speed: right at a constant rate, early and late, and fading after a burst", () => {
    const { clock, pace } = setUp();
    for (let n = 0; n < 1000; n++) {
      clock.advance(100);
      pace.received(1000);
      if (n >= 5) expect(pace.bytesPerS).toBeGreaterThan(8000);
      if (n >= 50) expect(Math.abs(pace.bytesPerS - 10_000)).toBeLessThan(500);
    }
    clock.advance(30_000);
    expect(pace.bytesPerS).toBeLessThan(600);
  });
});
