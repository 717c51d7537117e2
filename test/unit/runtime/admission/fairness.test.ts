import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createAdmission } from "../../../../src/runtime/admission/admission.ts";
import type { Admission, Slot } from "../../../../src/runtime/admission/admission.ts";
import type { WorkKind } from "../../../../src/runtime/admission/service-times.ts";
import { FILE_TURN_MS, chooseLender } from "../../../../src/runtime/admission/shares.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import type { ManualClock } from "../../../support/manual-clock.ts";
import { createRandom } from "../../../support/mutate.ts";
import type { Random } from "../../../support/mutate.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const STEP_MS = 100;
const PATIENCE_MS = 30_000;

interface Work {
  readonly client: string;
  readonly kind: WorkKind;
  readonly askedMs: number;
  leftMs: number;
  state: "waiting" | "running" | "suspended" | "done" | "refused";
  /** When it last began to wait. */
  waitsSinceMs: number;
  retryAfterMs: number | undefined;
}

/** Random clients against the admission: every 100 ms work runs on, ends, arrives. */
interface World {
  readonly limits: { readonly size: number; readonly queue: number };
  readonly admission: Admission;
  readonly clock: ManualClock;
  readonly all: Work[];
  add(client: string, kind: WorkKind, ms: number): Work;
  step(): Promise<void>;
  running(): Work[];
}

function createWorld(limits: { size: number; queue: number }): World {
  const clock = createManualClock();
  const admission = createAdmission(() => ({ ...limits, checkoutTimeoutMs: PATIENCE_MS }), clock);
  const all: Work[] = [];
  const slots = new Map<Work, Slot>();

  const add = (client: string, kind: WorkKind, ms: number): Work => {
    const nowMs = clock.monotonicMs();
    const work: Work = {
      client,
      kind,
      askedMs: nowMs,
      leftMs: ms,
      state: "waiting",
      waitsSinceMs: nowMs,
      retryAfterMs: undefined,
    };
    all.push(work);
    const refused = (error: { retryAfterMs?: number }): void => {
      work.state = "refused";
      work.retryAfterMs = error.retryAfterMs;
    };
    admission
      .acquire({
        client,
        kind,
        signal: new AbortController().signal,
        onSuspend: () => {
          work.state = "suspended";
          work.waitsSinceMs = clock.monotonicMs();
        },
        onResume: () => (work.state = "running"),
        onLost: refused,
      })
      .then((slot) => {
        slots.set(work, slot);
        if (work.state === "waiting") work.state = "running";
      }, refused);
    return work;
  };

  return {
    limits,
    admission,
    clock,
    all,
    add,
    running: () => all.filter(({ state }) => state === "running"),
    step: async () => {
      for (const work of slots.keys()) {
        if (work.state !== "running") continue;
        work.leftMs -= STEP_MS;
        if (work.leftMs > 0) continue;
        work.state = "done";
        slots.get(work)?.release();
        slots.delete(work);
      }
      clock.advance(STEP_MS);
      await vi.advanceTimersByTimeAsync(STEP_MS);
    },
  };
}

/** What no moment may look like. */
function checkMoment({ admission, clock, all, running }: World): void {
  const held = running();
  expect(admission.available, "a slot is lost or counted twice").toBe(Math.max(0, admission.total - held.length));
  const waiting = all.filter(({ state }) => state === "waiting" || state === "suspended");
  expect(admission.waiters).toBe(waiting.length);
  if (waiting.length === 0) return;
  expect(held.length, "a slot is free although work waits").toBe(admission.total);
  const nowMs = clock.monotonicMs();
  const countOf = (client: string): number => held.filter((work) => work.client === client).length;
  const most = Math.max(...held.map((work) => countOf(work.client)));
  // What has just come may need one look of the admission.
  const patient = waiting.filter((work) => nowMs - work.waitsSinceMs > 500);
  for (const work of patient) expect(most, `${work.client} waits`).toBeLessThan(countOf(work.client) + 2);
}

describe("shares of held slots", () => {
  it("holds for 25 random worlds of clients, files and speech: no slot lost, no client above its share while others wait", async () => {
    for (let seed = 1; seed <= 25; seed++) {
      const random = createRandom(seed * 1_000_003);
      const world = createWorld({ size: 1 + random.below(6), queue: random.pick([0, 4, 32]) });
      const clients = Array.from({ length: 1 + random.below(8) }, (_, n) => `client ${n}`);
      for (let step = 0; step < 400; step++) {
        while (random.next() < 0.1) addRandom(world, random, clients);
        await world.step();
        checkMoment(world);
      }
      await finish(world);
    }
  }, 120_000);

  it("never keeps a file of a client without a slot waiting longer than its turn comes, however long the others' files are", async () => {
    for (const clients of [2, 5, 9]) {
      const world = createWorld({ size: 4, queue: 32 });
      const bombs = Array.from({ length: 4 }, (_, n) => world.add(`bomber ${n}`, "file", 3_600_000));
      await world.step();
      const small = Array.from({ length: clients }, (_, n) => world.add(`newcomer ${n}`, "file", 2000));
      for (let step = 0; step < PATIENCE_MS / STEP_MS; step++) await world.step();
      expect(small.map(({ state }) => state)).toEqual(small.map(() => "done"));
      // And the long ones go on.
      expect(bombs.map(({ state }) => state)).toEqual(bombs.map(() => "running"));
    }
  });

  it("takes turns between long files of more clients than slots: each advances", async () => {
    const world = createWorld({ size: 2, queue: 32 });
    const files = Array.from({ length: 5 }, (_, n) => world.add(`client ${n}`, "file", 60_000));
    for (let step = 0; step < 2000; step++) await world.step();
    // Those that waited longer than a client waits were told so; none that was taken was left behind.
    const taken = files.filter(({ state }) => state !== "refused");
    expect(taken.length).toBeGreaterThanOrEqual(4);
    expect(taken.map(({ state }) => state)).toEqual(taken.map(() => "done"));
  });

  it("does not take a slot from speech for work of a client that has its share", async () => {
    const world = createWorld({ size: 2, queue: 8 });
    const speech = ["a", "b"].map((client) => world.add(client, "session", 20_000));
    await world.step();
    world.add("c", "session", 1000);
    world.add("c", "file", 1000);
    for (let step = 0; step < 100; step++) await world.step();
    expect(speech.map(({ state }) => state)).toEqual(["running", "running"]);
  });
});

describe("Retry-After against what happens", () => {
  /** A busy minute, then the first refusal that can tell a time; afterwards nothing new arrives. Undefined when no work was refused. */
  const refusal = async (seed: number): Promise<{ world: World; refused: Work } | undefined> => {
    const random = createRandom(seed * 1_000_003);
    const world = createWorld({ size: 1 + random.below(4), queue: random.below(6) });
    const clients = Array.from({ length: 2 + random.below(6) }, (_, n) => `client ${n}`);
    for (let step = 0; step < 2600; step++) {
      const before = world.all.length;
      while (random.next() < 0.027 * world.limits.size) addRandom(world, random, clients);
      await world.step();
      const refused = step > 1600 && world.all.find((work, n) => work.state === "refused" && n >= before);
      if (refused !== undefined && refused !== false) return { world, refused };
    }
    return undefined;
  };
  const until = async (world: World, isDone: () => boolean): Promise<number> => {
    const sinceMs = world.clock.monotonicMs();
    while (!isDone() && world.clock.monotonicMs() - sinceMs < 600_000) await world.step();
    return world.clock.monotonicMs() - sinceMs;
  };

  it("a client that comes back at the time given is mostly served, and could seldom have been served three times as soon", async () => {
    const results: { hintMs: number; waitedMs: number; soonestMs: number; served: boolean }[] = [];
    for (let seed = 1; seed <= 20; seed++) {
      const later = await refusal(seed);
      if (later === undefined) continue;
      const hintMs = later.refused.retryAfterMs!;
      await until(later.world, () => later.world.clock.monotonicMs() - later.refused.askedMs >= hintMs);
      const back = later.world.add(later.refused.client, later.refused.kind, 500);
      const waitedMs = await until(later.world, () => back.state !== "waiting");
      // The same world once more: a client that asks every second.
      const again = (await refusal(seed))!;
      let next: Work | undefined;
      const soonestMs = await until(again.world, () => {
        if (next === undefined || next.state === "refused")
          next = again.world.add(again.refused.client, again.refused.kind, 500);
        return next.state !== "waiting" && next.state !== "refused";
      });
      results.push({ hintMs, waitedMs, soonestMs, served: back.state !== "refused" });
    }
    expect(results.length).toBeGreaterThan(15);
    const share = (which: (result: (typeof results)[number]) => boolean): number =>
      results.filter(which).length / results.length;
    expect(share(({ served }) => served)).toBeGreaterThan(0.7);
    expect(share(({ hintMs, soonestMs }) => hintMs <= 3 * soonestMs + 2000)).toBeGreaterThan(0.8);
    expect(
      share(({ hintMs, waitedMs, soonestMs }) => hintMs + waitedMs <= 3 * soonestMs + PATIENCE_MS),
    ).toBeGreaterThan(0.9);
  }, 120_000);
});

describe("chooseLender", () => {
  const holding = (client: string, kind: WorkKind, sinceMs: number) => ({ client, kind, sinceMs });

  it("takes from the client with most, its longest file before its newest session, and only from two more", () => {
    const held = [
      holding("a", "session", 1),
      holding("a", "file", 3),
      holding("a", "file", 2),
      holding("b", "file", 0),
    ];
    expect(chooseLender(held, "c", 100)).toBe(held[2]);
    expect(chooseLender(held, "b", 100)).toBe(held[2]);
    expect(chooseLender([held[0]!, held[3]!], "c", 100)).toBeUndefined();
    const speech = [holding("a", "session", 5), holding("a", "session", 7)];
    expect(chooseLender(speech, "b", 10)).toBe(speech[1]);
  });

  it("ends the turn of a file for a client that has nothing", () => {
    const held = [holding("a", "file", 0), holding("b", "session", 0), holding("c", "file", 5000)];
    expect(chooseLender(held, "d", FILE_TURN_MS - 1)).toBeUndefined();
    expect(chooseLender(held, "d", FILE_TURN_MS)).toBe(held[0]);
    expect(chooseLender(held, "b", 1e9)).toBeUndefined();
  });
});

function addRandom(world: World, random: Random, clients: readonly string[]): void {
  // One client asks for most.
  const client = random.next() < 0.4 ? clients[0]! : random.pick(clients);
  const kind = random.pick(["file", "file", "session"] as const);
  world.add(client, kind, random.pick([200, 1000, 3000, 8000, 25_000]));
}

/** Everything that was taken ends, and every slot is back. */
async function finish(world: World): Promise<void> {
  for (let step = 0; step < 20_000 && world.all.some(({ state }) => !["done", "refused"].includes(state)); step++) {
    await world.step();
  }
  expect([world.admission.available, world.admission.waiters]).toEqual([world.admission.total, 0]);
}
