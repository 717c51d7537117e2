import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createTimers, setInterval, setTimeout, sleep } from "../../../../src/shared/time/timers.ts";

const DAY_MS = 86_400_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("timers for any duration", () => {
  it.each([1, 1000, 24 * DAY_MS, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 30 * DAY_MS, 365 * DAY_MS])(
    "runs the action once, after %d ms and not before",
    (delayMs) => {
      const action = vi.fn();
      setTimeout(action, delayMs);
      vi.advanceTimersByTime(delayMs - 1);
      expect(action).not.toHaveBeenCalled();
      // A part is a whole number of milliseconds.
      vi.advanceTimersByTime(20);
      expect(action).toHaveBeenCalledTimes(1);
      vi.advanceTimersByTime(delayMs * 2);
      expect(action).toHaveBeenCalledTimes(1);
    },
  );

  it("never runs an action whose delay is infinite", () => {
    const action = vi.fn();
    setTimeout(action, Infinity);
    vi.advanceTimersByTime(400 * DAY_MS);
    expect(action).not.toHaveBeenCalled();
  });

  it("is cleared by clearTimeout in each of its parts", () => {
    const action = vi.fn();
    for (const days of [0, 20, 30, 60]) {
      const timer = setTimeout(action, 90 * DAY_MS);
      vi.advanceTimersByTime(days * DAY_MS);
      clearTimeout(timer);
    }
    vi.advanceTimersByTime(100 * DAY_MS);
    expect(action).not.toHaveBeenCalled();
  });

  it("repeats an interval of 30 days every 30 days", () => {
    const action = vi.fn();
    const timer = setInterval(action, 30 * DAY_MS);
    vi.advanceTimersByTime(91 * DAY_MS);
    expect(action).toHaveBeenCalledTimes(3);
    clearInterval(timer);
    vi.advanceTimersByTime(91 * DAY_MS);
    expect(action).toHaveBeenCalledTimes(3);
  });

  it("sleeps 30 days, and stops with the signal's reason", async () => {
    let isOver = false;
    const slept30 = (async () => {
      await sleep(30 * DAY_MS);
      isOver = true;
    })();
    await vi.advanceTimersByTimeAsync(29 * DAY_MS);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(2 * DAY_MS);
    await slept30;
    const stop = new AbortController();
    const slept = sleep(30 * DAY_MS, { signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(slept).rejects.toThrow("enough");
    await expect(sleep(1, { signal: stop.signal })).rejects.toThrow("enough");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("clears all timers of one owner together", () => {
    const action = vi.fn();
    const timers = createTimers();
    timers.after(30 * DAY_MS, action);
    timers.after(10, action);
    timers.clear();
    vi.advanceTimersByTime(100 * DAY_MS);
    expect(action).not.toHaveBeenCalled();
  });
});
