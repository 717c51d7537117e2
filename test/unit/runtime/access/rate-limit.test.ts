import { describe, expect, it } from "vitest";
import { createRateLimiter } from "../../../../src/runtime/access/rate-limit.ts";
import { createManualClock } from "../../../support/manual-clock.ts";

describe("createRateLimiter", () => {
  it("grants the burst at once, then one token per period", () => {
    const clock = createManualClock();
    const limiter = createRateLimiter({ perMinute: 60, burst: 3 }, clock);
    const taken = () => limiter.take("a");
    expect([taken(), taken(), taken()]).toEqual([undefined, undefined, undefined]);
    expect(taken()).toBeCloseTo(1000);
    clock.advance(400);
    expect(taken()).toBeCloseTo(600);
    clock.advance(600);
    expect(taken()).toBeUndefined();
    expect(taken()).toBeCloseTo(1000);
  });

  it("never grants more than rate × time + burst, at any pattern of arrival", () => {
    const clock = createManualClock();
    const limiter = createRateLimiter({ perMinute: 600, burst: 10 }, clock);
    let granted = 0;
    for (let step = 0; step < 20_000; step++) {
      clock.advance((step * 7919) % 13);
      if (limiter.take("a") === undefined) granted++;
      expect(granted).toBeLessThanOrEqual(clock.monotonicMs() / 100 + 10);
    }
    expect(granted).toBeGreaterThan(clock.monotonicMs() / 100 - 1);
  });

  it("refusals cost nothing: the wait it names is enough", () => {
    const clock = createManualClock();
    const limiter = createRateLimiter({ perMinute: 7, burst: 1 }, clock);
    limiter.take("a");
    for (let n = 0; n < 50; n++) {
      const waitMs = limiter.take("a") ?? 0;
      expect(waitMs).toBeGreaterThan(0);
      clock.advance(waitMs);
      expect(limiter.take("a")).toBeUndefined();
    }
  });

  it("keeps clients apart, and 0 a minute means off", () => {
    const limiter = createRateLimiter({ perMinute: 1, burst: 1 }, createManualClock());
    expect(limiter.take("a")).toBeUndefined();
    expect(limiter.take("a")).toBeDefined();
    expect(limiter.take("b")).toBeUndefined();
    limiter.configure({ perMinute: 0, burst: 1 });
    expect(limiter.take("a")).toBeUndefined();
  });

  it("counts a burst of 0 as 1: otherwise nobody could ever pass", () => {
    expect(createRateLimiter({ perMinute: 1, burst: 0 }, createManualClock()).take("a")).toBeUndefined();
  });

  it("forgets the least recently used client when the table is full", () => {
    const limiter = createRateLimiter({ perMinute: 1, burst: 1 }, createManualClock(), 3);
    for (const key of ["a", "b", "c"]) limiter.take(key);
    limiter.take("a");
    limiter.take("d");
    expect(limiter.size).toBe(3);
    expect(limiter.take("a")).toBeDefined();
    expect(limiter.take("b")).toBeUndefined();
  });

  it("holds 100 000 clients and no more", () => {
    const limiter = createRateLimiter({ perMinute: 1, burst: 1 }, createManualClock());
    for (let n = 0; n < 100_500; n++) limiter.take(String(n));
    expect(limiter.size).toBe(100_000);
  });
});
