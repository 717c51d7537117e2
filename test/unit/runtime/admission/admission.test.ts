import { describe, expect, it } from "vitest";
import { createAdmission } from "../../../../src/runtime/admission/admission.ts";
import type { AcquireOptions } from "../../../../src/runtime/admission/admission.ts";
import { WireError } from "../../../../src/shared/errors.ts";
import { createManualClock } from "../../../support/manual-clock.ts";

const limits = { size: 2, queue: 3, checkoutTimeoutMs: 30_000 };

const inert = { onSuspend: () => {}, onResume: () => {} };

function setUp(changes: Partial<typeof limits> = {}) {
  const clock = createManualClock();
  const admission = createAdmission(() => ({ ...limits, ...changes }), clock);
  const acquire = (client = "a", more: Partial<AcquireOptions> = {}) =>
    admission.acquire({ client, kind: "file", signal: new AbortController().signal, ...inert, ...more });
  return { clock, admission, acquire };
}

describe("admission", () => {
  it("grants free slots at once and counts them", async () => {
    const { admission, acquire } = setUp();
    const slot = await acquire();
    await acquire();
    expect([admission.available, admission.total, admission.waiters]).toEqual([0, 2, 0]);
    slot.release();
    slot.release();
    expect(admission.available).toBe(1);
  });

  it("gives a released slot to the next client in turn", async () => {
    const { acquire } = setUp({ size: 1 });
    const first = await acquire("a");
    const order: string[] = [];
    const wait = async (client: string): Promise<void> => {
      const slot = await acquire(client);
      order.push(client);
      slot.release();
    };
    const all = [wait("a"), wait("a"), wait("b")];
    first.release();
    await Promise.all(all);
    expect(order).toEqual(["a", "b", "a"]);
  });

  it("grants at once what a larger pool has room for, and lets a smaller one run empty", async () => {
    const pool = { ...limits, size: 1 };
    const admission = createAdmission(() => pool, createManualClock());
    const acquire = () =>
      admission.acquire({ client: "a", kind: "file", signal: new AbortController().signal, ...inert });
    const slots = [await acquire()];
    const waiting = [acquire(), acquire()];
    pool.size = 3;
    admission.rebalance();
    slots.push(...(await Promise.all(waiting)));
    pool.size = 1;
    const late = acquire();
    slots.forEach((slot, n) => {
      expect(admission.waiters).toBe(1);
      expect([admission.available, n]).toEqual([0, n]);
      slot.release();
    });
    (await late).release();
    expect(admission.available).toBe(1);
  });

  it("never lets a newcomer overtake those who wait", async () => {
    const { admission, acquire } = setUp({ size: 1 });
    const first = await acquire();
    const waiting = acquire();
    first.release();
    const late = acquire();
    expect(admission.waiters).toBe(1);
    (await waiting).release();
    (await late).release();
    expect(admission.available).toBe(1);
  });

  it("refuses with queue_full and a hint when the queue is full, and says so beforehand", async () => {
    const { admission, acquire } = setUp({ size: 1, queue: 1 });
    await acquire();
    expect(admission.refusal("a")).toBeUndefined();
    void acquire();
    expect(admission.queueIsFull).toBe(true);
    expect(admission.refusal("a")).toMatchObject({ wireCode: "queue_full", status: 503 });
    await expect(acquire()).rejects.toMatchObject({ wireCode: "queue_full", retryAfterMs: expect.any(Number) });
    expect(admission.waiters).toBe(1);
  });

  it("takes the newest place of a greedy client for a newcomer", async () => {
    const { acquire } = setUp({ size: 1, queue: 2 });
    await acquire("other");
    void acquire("greedy");
    const evicted = acquire("greedy");
    void acquire("third");
    await expect(evicted).rejects.toMatchObject({ wireCode: "queue_full" });
  });

  it("keeps a session waiting while the machine keeps up with no more, and lets files pass it", async () => {
    let reason: string | undefined = "two sessions are all";
    const { admission, acquire } = setUp();
    const session = acquire("a", { kind: "session", blockedBy: () => reason });
    expect([admission.waiters, admission.available]).toEqual([1, 2]);
    expect(admission.refusal("b")).toBeUndefined();
    (await acquire("b")).release();
    expect(admission.waiters).toBe(1);
    reason = undefined;
    (await session).release();
    expect([admission.waiters, admission.available]).toEqual([0, 2]);
  });

  it("tells a session that waited for nothing why, and when a session is likely to end", async () => {
    const room: { reason?: string } = {};
    const refusals: string[] = [];
    const { clock, admission, acquire } = setUp({ checkoutTimeoutMs: 20 });
    const speak = () => acquire("a", { kind: "session", blockedBy: () => room.reason });
    admission.events.onLiveRefused = (why) => refusals.push(why);
    for (let n = 0; n < 20; n++) {
      const slot = await speak();
      clock.advance(60_000);
      slot.release();
    }
    await speak();
    clock.advance(45_000);
    room.reason = "one session is all";
    await expect(speak()).rejects.toMatchObject({
      wireCode: "timeout",
      status: 503,
      message: "no capacity for another live session: one session is all; try again after the time given",
      retryAfterMs: expect.closeTo(15_000, -3),
    });
    expect(refusals).toEqual(["one session is all"]);
  });

  it("ends a wait with timeout and a hint", async () => {
    const { admission, acquire } = setUp({ size: 1, checkoutTimeoutMs: 20 });
    await acquire();
    await expect(acquire()).rejects.toMatchObject({
      wireCode: "timeout",
      message: "no slot became free within 0.02 s; try again after the time given",
      retryAfterMs: expect.any(Number),
    });
    expect(admission.waiters).toBe(0);
  });

  it("forgets a waiter whose client is gone", async () => {
    const { admission, acquire } = setUp({ size: 1 });
    const slot = await acquire();
    const gone = new AbortController();
    const waiting = acquire("b", { signal: gone.signal });
    gone.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    expect(admission.waiters).toBe(0);
    slot.release();
    expect(admission.available).toBe(1);
  });

  it("dismisses waiters with pool_closed and newcomers with shutting_down, without a hint, and tells when it is idle", async () => {
    const { admission, acquire } = setUp({ size: 1 });
    const slot = await acquire();
    const waiting = acquire();
    admission.close();
    await expect(waiting).rejects.toMatchObject({ wireCode: "pool_closed", retryAfterMs: undefined });
    await expect(acquire()).rejects.toMatchObject({ wireCode: "shutting_down", retryAfterMs: undefined });
    expect(admission.refusal("a")).toMatchObject({ wireCode: "shutting_down" });
    let idle = false;
    const whenIdle = admission.whenIdle().then(() => (idle = true));
    await Promise.resolve();
    expect(idle).toBe(false);
    slot.release();
    await whenIdle;
    await admission.whenIdle();
  });

  it("loses no slot under 2000 random grants, timeouts and departures", async () => {
    const { admission, acquire } = setUp({ size: 3, queue: 5, checkoutTimeoutMs: 3 });
    let seed = 42;
    const random = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
    const one = async (n: number): Promise<void> => {
      const gone = new AbortController();
      if (random() < 0.3) setTimeout(() => gone.abort(new Error("gone")), random() * 4);
      try {
        const slot = await acquire(`client${n % 4}`, { signal: gone.signal });
        expect(admission.available).toBeGreaterThanOrEqual(0);
        await new Promise((resolve) => setTimeout(resolve, random() * 2));
        slot.release();
      } catch {
        // refused, timed out or gone: all are fine
      }
    };
    for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 100 }, (_, n) => one(n)));
    expect([admission.available, admission.waiters]).toEqual([3, 0]);
  });
});

describe("the retry hint", () => {
  it("follows measured service times: twice as slow, about twice as long", async () => {
    const hintAfter = async (serviceMs: number): Promise<number> => {
      const { clock, acquire } = setUp({ size: 1, queue: 1, checkoutTimeoutMs: 1000 });
      for (let n = 0; n < 20; n++) {
        const slot = await acquire();
        clock.advance(serviceMs);
        slot.release();
      }
      await acquire();
      void acquire().catch(() => {});
      const refused = await acquire().then(
        () => undefined,
        (error: unknown) => error,
      );
      return refused instanceof WireError ? (refused.retryAfterMs ?? 0) : 0;
    };
    // One runs, one waits: a newcomer would be served after two services, and may spend the last second of that in the queue.
    expect(await hintAfter(10_000)).toBeCloseTo(19_000, -3);
    expect(await hintAfter(40_000)).toBeCloseTo(79_000, -3);
  });

  it("is never shorter than a second", async () => {
    const { acquire } = setUp({ size: 1, queue: 0 });
    const slot = await acquire();
    slot.release();
    await acquire();
    await expect(acquire()).rejects.toMatchObject({ retryAfterMs: 1000 });
  });
});
