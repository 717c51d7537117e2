import { describe, expect, it } from "vitest";
import { createFairQueue } from "../../../../src/runtime/admission/fair-queue.ts";

const line = (limit: number, ...clients: string[]) => {
  const fair = createFairQueue<{ client: string; n: number }>();
  const waiters = clients.map((client, n) => ({ client, n }));
  const results = waiters.map((waiter) => fair.join(waiter, limit));
  return { fair, waiters, results };
};

describe("createFairQueue", () => {
  it("serves clients in turn, each client's own waiters in order", () => {
    const { fair } = line(10, "a", "a", "a", "b", "c", "b");
    const order = Array.from({ length: 6 }, () => fair.next()).map((waiter) => `${waiter?.client}${waiter?.n}`);
    expect(order).toEqual(["a0", "b3", "c4", "a1", "b5", "a2"]);
    expect(fair.next()).toBeUndefined();
  });

  it("refuses a client that has its share of a full line", () => {
    expect(line(2, "a", "a", "a").results[2]).toBe("full");
    expect(line(2, "a", "b", "c").results[2]).toBe("full");
  });

  it("makes room for a client with clearly fewer waiters: the newest of the longest queue leaves", () => {
    const { fair, waiters, results } = line(3, "a", "a", "a", "b");
    expect(results[3]).toBe(waiters[2]);
    expect(fair.length).toBe(3);
    expect(fair.hasRoomFor("b", 3)).toBe(false);
    expect(fair.hasRoomFor("c", 3)).toBe(true);
  });

  it("lets a waiter leave from any place, once, and keeps the turn of its client", () => {
    const { fair, waiters } = line(10, "a", "b", "a");
    expect(fair.leave(waiters[0]!)).toBe(true);
    expect(fair.leave(waiters[0]!)).toBe(false);
    expect([fair.next()?.n, fair.next()?.n, fair.next()]).toEqual([2, 1, undefined]);
  });

  it("passes over those who may not be served yet, and they keep their places", () => {
    const { fair } = line(10, "a", "a", "b");
    expect(fair.has(({ n }) => n === 1)).toBe(true);
    expect(fair.next(({ n }) => n > 0)?.n).toBe(1);
    expect(fair.next(() => false)).toBeUndefined();
    expect(fair.has(({ n }) => n === 1)).toBe(false);
    expect([fair.next()?.n, fair.next()?.n]).toEqual([2, 0]);
  });

  it("empties at once", () => {
    const { fair } = line(10, "a", "b");
    expect(fair.clear()).toHaveLength(2);
    expect(fair.length).toBe(0);
    expect(fair.next()).toBeUndefined();
  });

  it("has no line at all when the limit is 0", () => {
    expect(line(0, "a").results[0]).toBe("full");
  });
});
