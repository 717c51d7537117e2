import { array, assert, double, integer, property, record } from "fast-check";
import { describe, expect, it } from "vitest";
import { createReadCost } from "../../../../../src/runtime/http/connections/read-cost.ts";
import { fuzzRuns } from "../../../../support/fuzz.ts";

const MS_PER_MIB = 20;

describe("the cost of a body", () => {
  it("never refuses a body that costs less than 20 ms a MiB, however it is cut into portions", () => {
    const portion = record({
      bytes: integer({ min: 1, max: 65_536 }),
      share: double({ min: 0, max: 1, noNaN: true }),
    });
    assert(
      property(array(portion, { maxLength: 200 }), (portions) => {
        const costs = createReadCost();
        const owner = {};
        for (const { bytes, share } of portions)
          expect(costs.isTooMuch(owner, bytes, (share * bytes * MS_PER_MIB) / 2 ** 20)).toBe(false);
      }),
      fuzzRuns(2000),
    );
  });

  it("never refuses for what a busy machine does: up to 39 portions that take seconds each", () => {
    assert(
      property(array(integer({ min: 1, max: 65_536 }), { maxLength: 39 }), (sizes) => {
        const costs = createReadCost();
        const owner = {};
        for (const bytes of sizes) expect(costs.isTooMuch(owner, bytes, 5000)).toBe(false);
      }),
      fuzzRuns(500),
    );
  });

  it("refuses chunks of up to 64 bytes at 3 microseconds or more each, within a MiB of body, each body on its own", () => {
    assert(
      property(integer({ min: 1, max: 64 }), integer({ min: 3, max: 50 }), (chunkBytes, microseconds) => {
        const costs = createReadCost();
        const [owner, other] = [{}, {}];
        const wireBytes = chunkBytes + 6;
        let read = 0;
        for (; read < 2 ** 20; read += 10 * wireBytes)
          if (costs.isTooMuch(owner, 10 * wireBytes, (10 * microseconds) / 1000)) break;
        expect(read).toBeLessThan(2 ** 20);
        expect(costs.isTooMuch(other, 10 * wireBytes, (10 * microseconds) / 1000)).toBe(false);
      }),
      fuzzRuns(500),
    );
  });
});
