import { describe, expect, it } from "vitest";
import { createMemoryCeiling } from "../../../../src/supervisor/runtime/memory-ceiling.ts";

const LIMIT = 100;

describe("the memory ceiling", () => {
  const begin = (): { pass: (rssBytes: number, afterMs?: number, busy?: boolean) => boolean } => {
    let nowMs = 0;
    const ceiling = createMemoryCeiling({ monotonicMs: () => nowMs });
    return {
      pass: (rssBytes, afterMs = 1000, busy = false) => {
        nowMs += afterMs;
        return ceiling.isPassed(rssBytes, LIMIT, busy);
      },
    };
  };

  it("is passed by three samples in a row, not by a peak", () => {
    const { pass } = begin();
    expect([150, 150, 90, 150, 150, 150].map((rssBytes) => pass(rssBytes))).toEqual([
      false,
      false,
      false,
      false,
      false,
      true,
    ]);
  });

  it("waits for an operation under way", () => {
    const { pass } = begin();
    expect([pass(150), pass(150), pass(150, 1000, true), pass(150)]).toEqual([false, false, false, true]);
  });

  it("is passed once a minute at most, however much the successor takes", () => {
    const { pass } = begin();
    const passedAtS = Array.from({ length: 130 }, (_, i) => (pass(150) ? i + 1 : 0)).filter((s) => s > 0);
    expect(passedAtS).toEqual([3, 63, 123]);
  });
});
