import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createReplay } from "../../../src/console/wire/replay.ts";
import { fuzzRuns } from "../../support/fuzz.ts";

const RATE_HZ = 1000;
const BLOCK = 40;

/** Samples that tell their own place. */
function block(from: number): Int16Array<ArrayBuffer> {
  return Int16Array.from({ length: BLOCK }, (_, index) => (from + index) % 32_768);
}

describe("audio that is sent again", () => {
  it("begins no later than the last answered word ended, whatever breaks when", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("write" as const), blocks: fc.integer({ min: 1, max: 20 }) }),
      fc.record({ kind: fc.constant("final" as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
      fc.constant({ kind: "break" as const }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const replay = createReplay(RATE_HZ);
        let written = 0;
        let answeredS = 0;
        let origin = 0;
        for (const action of steps) {
          if (action.kind === "write") {
            for (let count = 0; count < action.blocks; count++, written += BLOCK) replay.add(block(written));
          } else if (action.kind === "final") {
            const endS = ((written - origin) / RATE_HZ) * action.share;
            const [word] = replay.answered([{ word: "а", start: 0, end: endS }]);
            expect(word?.end).toBeCloseTo(origin / RATE_HZ + endS, 2);
            answeredS = Math.max(answeredS, word?.end ?? 0);
          } else {
            const blocks = replay.restart();
            origin = written - blocks.length * BLOCK;
            expect(origin / RATE_HZ).toBeLessThanOrEqual(answeredS + 0.001);
            // Gapless to the newest sample.
            expect(blocks.flatMap((samples) => [...samples])).toEqual(
              Array.from({ length: written - origin }, (_, index) => (origin + index) % 32_768),
            );
          }
        }
      }),
      fuzzRuns(200),
    );
  });

  it("keeps three minutes at most", () => {
    const replay = createReplay(RATE_HZ);
    for (let written = 0; written < 400 * RATE_HZ; written += BLOCK) replay.add(block(written));
    const samples = replay.restart().reduce((sum, { length }) => sum + length, 0);
    expect(samples).toBeLessThanOrEqual(180 * RATE_HZ + BLOCK);
    expect(samples).toBeGreaterThan(179 * RATE_HZ);
    expect(replay.answered([{ word: "а", start: 1, end: 2 }])[0]?.end).toBeCloseTo(222, 0);
  });
});
