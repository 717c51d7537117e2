import { describe, expect, it } from "vitest";
import { createFairQueue } from "../../../../src/runtime/admission/fair-queue.ts";
import type { FairQueue } from "../../../../src/runtime/admission/fair-queue.ts";

/** Serves and returns whose turn it is. */
const serve = <T extends { client: string }>(fair: FairQueue<T>, accepts?: (member: T) => boolean): T | undefined => {
  const first = fair.first(accepts);
  if (first !== undefined) fair.served(first);
  return first;
};

const line = (limit: number, ...clients: string[]) => {
  const fair = createFairQueue<{ client: string; n: number }>();
  const waiters = clients.map((client, n) => ({ client, n }));
  const results = waiters.map((waiter) => fair.join(waiter, limit));
  return { fair, waiters, results };
};

describe("createFairQueue", () => {
  it("serves clients in turn, each client's own waiters in order", () => {
    const { fair } = line(10, "a", "a", "a", "b", "c", "b");
    const order = Array.from({ length: 6 }, () => serve(fair)).map((waiter) => `${waiter?.client}${waiter?.n}`);
    expect(order).toEqual(["a0", "b3", "c4", "a1", "b5", "a2"]);
    expect(serve(fair)).toBeUndefined();
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

  it("lets a member leave from any place, once, and keeps the turn of its client", () => {
    const { fair, waiters } = line(10, "a", "b", "a");
    expect(fair.leave(waiters[0]!)).toBe(true);
    expect(fair.leave(waiters[0]!)).toBe(false);
    expect([serve(fair)?.n, serve(fair)?.n, serve(fair)]).toEqual([2, 1, undefined]);
  });

  it("passes over members that may not be served yet; they keep their places", () => {
    const { fair } = line(10, "a", "a", "b");
    expect(fair.first(({ n }) => n === 1)).toBeDefined();
    expect(serve(fair, ({ n }) => n > 0)?.n).toBe(1);
    expect(serve(fair, () => false)).toBeUndefined();
    expect(fair.first(({ n }) => n === 1)).toBeUndefined();
    expect([serve(fair)?.n, serve(fair)?.n]).toEqual([2, 0]);
  });

  it("empties at once", () => {
    const { fair } = line(10, "a", "b");
    expect(fair.clear()).toHaveLength(2);
    expect(fair.length).toBe(0);
    expect(serve(fair)).toBeUndefined();
  });

  it("has no place at all when the limit is 0", () => {
    expect(line(0, "a").results[0]).toBe("full");
  });

  it("serves the client of the lowest rank first, and among equals the one served longest ago", () => {
    const { fair } = line(10, "a", "b", "c");
    const rank = (client: string): number => (client === "a" ? 1 : 0);
    expect(fair.first(undefined, rank)?.client).toBe("b");
    serve(fair);
    expect([fair.first(undefined, rank)?.client, fair.countOf("a"), fair.countOf("b")]).toEqual(["b", 0, 1]);
  });

  it("takes back a member before its client's others, full or not, behind the other clients; it need not leave for a newcomer", () => {
    const { fair } = line(3, "a", "a", "b");
    const back = { client: "a", n: 9, stays: true };
    fair.rejoin(back);
    expect(fair.length).toBe(4);
    expect([serve(fair)?.n, serve(fair)?.n]).toEqual([2, 9]);
    const kept = createFairQueue<{ client: string; stays: boolean }>();
    for (let n = 0; n < 3; n++) kept.rejoin({ client: "a", stays: true });
    expect(kept.join({ client: "b", stays: false }, 3)).toBe("full");
  });

  it("empties in part", () => {
    const { fair } = line(10, "a", "b", "a");
    expect(fair.clear(({ n }) => n < 2)).toHaveLength(2);
    expect([...fair.lines()].map((line) => line.map(({ n }) => n))).toEqual([[2]]);
  });
});
