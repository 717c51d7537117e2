import { describe, expect, it } from "vitest";
import { createDeadline, endsBefore } from "../../../../src/runtime/http/deadline.ts";
import { systemClock } from "../../../../src/shared/time/clock.ts";

const never = new Promise<never>(() => {});

describe("deadline", () => {
  it("warns before it ends", async () => {
    const deadline = createDeadline(100, systemClock);
    expect(deadline.remainingMs()).toBeGreaterThan(0);
    expect(await endsBefore(never, deadline.soon)).toBe(false);
    expect(deadline.now.aborted).toBe(false);
    expect(await endsBefore(never, deadline.now)).toBe(false);
    expect(deadline.remainingMs()).toBe(0);
  });

  it("can be brought forward", async () => {
    const deadline = createDeadline(1e6, systemClock);
    deadline.expedite();
    expect([deadline.soon.aborted, deadline.now.aborted, deadline.remainingMs()]).toEqual([true, true, 0]);
    deadline.clear();
  });
});

describe("endsBefore", () => {
  it("is true for work that ends, well or badly", async () => {
    const { signal } = new AbortController();
    expect(await endsBefore(Promise.resolve(), signal)).toBe(true);
    expect(await endsBefore(Promise.reject(new Error("bad")), signal)).toBe(true);
  });

  it("is true for work that is already done when the time is over", async () => {
    expect(await endsBefore(Promise.resolve(), AbortSignal.abort())).toBe(true);
    expect(await endsBefore(never, AbortSignal.abort())).toBe(false);
  });

  it("has room for a hundred sessions that wait for it, without a warning of a leak", async () => {
    const warnings: Error[] = [];
    const collect = (warning: Error): void => void warnings.push(warning);
    process.on("warning", collect);
    const deadline = createDeadline(60_000, systemClock);
    const works = Array.from({ length: 100 }, () => endsBefore(never, deadline.soon));
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off("warning", collect);
    expect(warnings).toEqual([]);
    deadline.expedite();
    expect(await Promise.all(works)).toEqual(works.map(() => false));
    deadline.clear();
  });
});
