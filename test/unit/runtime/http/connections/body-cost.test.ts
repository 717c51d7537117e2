import type { IncomingMessage } from "node:http";
import { array, assert, double, integer, property, record } from "fast-check";
import { describe, expect, it } from "vitest";
import { createBodyCost } from "../../../../../src/runtime/http/connections/body-cost.ts";
import { fuzzRuns } from "../../../../support/fuzz.ts";

// Only its identity is used.
const request = (): IncomingMessage => ({}) as IncomingMessage;
const MS_PER_MIB = 20;

describe("the cost of a body", () => {
  it("never refuses a body that costs less than 20 ms a MiB, however it is cut into portions", () => {
    const portion = record({
      bytes: integer({ min: 1, max: 65_536 }),
      share: double({ min: 0, max: 1, noNaN: true }),
    });
    assert(
      property(array(portion, { maxLength: 200 }), (portions) => {
        const costs = createBodyCost();
        const req = request();
        for (const { bytes, share } of portions)
          expect(costs.count(req, bytes, (share * bytes * MS_PER_MIB) / 2 ** 20)).toBeUndefined();
      }),
      fuzzRuns(2000),
    );
  });

  it("never refuses for what a busy machine does: up to 39 portions that take seconds each", () => {
    assert(
      property(array(integer({ min: 1, max: 65_536 }), { maxLength: 39 }), (sizes) => {
        const costs = createBodyCost();
        const req = request();
        for (const bytes of sizes) expect(costs.count(req, bytes, 5000)).toBeUndefined();
      }),
      fuzzRuns(500),
    );
  });

  it("refuses chunks of up to 64 bytes at 3 microseconds or more each, within a MiB of body, each body on its own", () => {
    assert(
      property(integer({ min: 1, max: 64 }), integer({ min: 3, max: 50 }), (chunkBytes, microseconds) => {
        const costs = createBodyCost();
        const [req, other] = [request(), request()];
        const wireBytes = chunkBytes + 6;
        let read = 0;
        for (; read < 2 ** 20; read += 10 * wireBytes)
          if (costs.count(req, 10 * wireBytes, (10 * microseconds) / 1000)?.wireCode === "bad_request") break;
        expect(read).toBeLessThan(2 ** 20);
        expect(costs.count(other, 10 * wireBytes, (10 * microseconds) / 1000)).toBeUndefined();
      }),
      fuzzRuns(500),
    );
  });
});
