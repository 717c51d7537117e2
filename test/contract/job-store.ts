import * as fc from "fast-check";
import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { JobDraft, JobEvent, JobStore, Quotas, Turn } from "../../src/store/jobs/types.ts";

/** What one engine brings to the suite. */
export interface StoreUnderTest {
  /** Runs of the property; default 25. */
  readonly runs?: number;
  readonly create: (options: { readonly nowMs: () => number; readonly random: () => number }) => Promise<JobStore>;
}

export const NO_LIMITS: Quotas = {
  unfinishedJobs: 0,
  activeJobs: 0,
  audioSecondsPerDay: 0,
  storedBytes: 0,
  allUnfinishedJobs: 0,
};
const DAY_MS = 86_400_000;
const MODEL = "model-a";
export const AUDIO: { parts: number; bytes: number; sha256: string } = {
  parts: 1,
  bytes: 1000,
  sha256: "a".repeat(64),
};

type Claimed = Extract<Turn, { kind: "claimed" }>;

/** Everything that the runtime relies on, whatever keeps the jobs. */
export function jobStoreContract(name: string, subject: StoreUnderTest): void {
  const open = async (): Promise<Bench> => {
    // Noon: a day of audio does not end in the middle of a test.
    const time = { nowMs: Date.UTC(2026, 5, 1, 12) };
    const store = await subject.create({ nowMs: () => time.nowMs, random: () => 0.5 });
    return createBench(store, time);
  };

  describe(`job store contract: ${name}`, () => {
    test("a job is queued, claimed with what it needs, and its result is published", async () => {
      const { store, submit, claim } = await open();
      const id = await submit("a", { params: "format=srt" });
      expect(await store.get(id)).toMatchObject({ state: "queued", owner: "a", params: "format=srt", attempts: 0 });
      const work = await claim();
      expect(work).toMatchObject({ id, token: 1, readings: [], job: { state: "active", attempts: 1, audioParts: 1 } });
      expect(await claim()).toBeUndefined();
      expect(await store.result(id)).toBeUndefined();
      expect(await store.finish(work!, '"text"', 12.5)).toBe(true);
      expect(await store.get(id)).toMatchObject({ state: "done", doneS: 12.5, totalS: 12.5 });
      expect(await store.result(id)).toBe('"text"');
      expect(typesOf(await store.events([id], 0))).toEqual(["queued", "started", "done"]);
    });

    test("an upload is not a job that runs, and is given up when it stands still", async () => {
      const { store, begin, claim, time } = await open();
      const id = await begin("a");
      expect(await store.get(id)).toMatchObject({ state: "uploading" });
      expect(await claim()).toBeUndefined();
      time.nowMs += 2 * DAY_MS;
      await store.sweep();
      expect(await store.get(id)).toBeUndefined();
      expect(await store.submit(id, AUDIO, NO_LIMITS)).toEqual({ kind: "gone" });
      expect(await store.doomed()).toEqual([{ id, whole: true }]);
    });

    test("a worker that lost its lease changes nothing: not the windows, not the end, not the result", async () => {
      const { store, submit, claim, time } = await open();
      const id = await submit("a");
      const first = await claim();
      time.nowMs += 31_000;
      await store.sweep();
      time.nowMs += 60_000;
      const second = await claim();
      expect(second).toMatchObject({ id, job: { attempts: 2 } });
      expect(second!.token).toBeGreaterThan(first!.token);
      expect(await store.commit(first!, { readings: ["stale"], doneS: 99, totalS: 99 })).toEqual({ kind: "stale" });
      expect(await store.renew(first!)).toEqual({ kind: "stale" });
      expect(await store.finish(first!, "wrong", 1)).toBe(false);
      expect(await store.fail(first!, { code: "x", message: "x" }, true)).toBe(false);
      expect(await store.release(first!)).toBe(false);
      expect(await store.confirmCancel(first!)).toBe(false);
      expect(await store.park(first!)).toBe(false);
      expect(await store.get(id)).toMatchObject({ state: "active", doneS: 0 });
      expect(await store.finish(second!, "right", 1)).toBe(true);
      expect(await store.finish(second!, "again", 1)).toBe(false);
      expect(await store.result(id)).toBe("right");
    });

    test("a lease that has ended is still good while no sweep took the job: a jump of the clock costs nothing", async () => {
      const { store, submit, claim, time } = await open();
      await submit("a");
      const work = await claim();
      time.nowMs += 300_000;
      expect(await store.renew(work!)).toMatchObject({ kind: "held" });
      await store.sweep();
      time.nowMs -= 600_000;
      expect(await store.renew(work!)).toMatchObject({ kind: "held" });
      expect(await store.finish(work!, "x", 1)).toBe(true);
    });

    test("a takeover gets the windows that were kept, unless another model read them", async () => {
      const { store, submit, claim } = await open();
      const id = await submit("a");
      const first = await claim();
      await store.commit(first!, { readings: ["w1", "w2"], doneS: 40, totalS: 90 });
      await store.release(first!);
      const second = await claim();
      expect(second).toMatchObject({ readings: ["w1", "w2"], job: { doneS: 40, totalS: 90, attempts: 1 } });
      await store.release(second!);
      const third = await claim({ model: "model-b" });
      expect(third).toMatchObject({ id, readings: [], job: { doneS: 0 } });
    });

    test("a job that fails is tried again later and later, and is poisoned after three runs", async () => {
      const { store, submit, claim, time } = await open();
      const id = await submit("a");
      const waits: number[] = [];
      for (let run = 1; run <= 3; run++) {
        const work = await claim();
        expect(work?.job.attempts).toBe(run);
        await store.fail(work!, { code: "transcription_error", message: "no luck" }, false);
        const job = await store.get(id);
        if (run === 3) break;
        waits.push(job!.notBeforeMs - time.nowMs);
        expect(await claim()).toBeUndefined();
        time.nowMs = job!.notBeforeMs;
      }
      expect(waits).toEqual([10_000, 20_000]);
      expect(await store.get(id)).toMatchObject({ state: "failed", fault: { code: "job_poisoned" } });
      expect(await store.stats()).toMatchObject({ dead: 1, queued: 0, active: 0 });
      expect(await store.retry(id)).toMatchObject({ state: "queued", attempts: 0, fault: undefined });
      expect((await claim())!.job.attempts).toBe(1);
    });

    test("three lost workers poison a job too, and a drain counts as none", async () => {
      const { store, submit, claim, time } = await open();
      const id = await submit("a");
      for (let k = 0; k < 5; k++) await store.release((await claim())!);
      for (let k = 0; k < 3; k++) {
        await claim();
        time.nowMs += 31_000;
        await store.sweep();
        time.nowMs += 600_000;
      }
      expect(await store.get(id)).toMatchObject({ state: "failed", attempts: 3, fault: { code: "job_poisoned" } });
    });

    test("audio that cannot be read fails at once", async () => {
      const { store, submit, claim } = await open();
      const id = await submit("a");
      await store.fail((await claim())!, { code: "invalid_audio", message: "broken" }, true);
      expect(await store.get(id)).toMatchObject({ state: "failed", attempts: 1, fault: { code: "invalid_audio" } });
    });

    test("a queued job is cancelled at once, a running one when its worker stops", async () => {
      const { store, submit, claim } = await open();
      const queued = await submit("a");
      expect(await store.cancel(queued)).toMatchObject({ wasOpen: true, job: { state: "cancelled" } });
      expect(await store.cancel(queued)).toMatchObject({ wasOpen: false });
      expect(await store.cancel(randomUUID())).toBeUndefined();
      const running = await submit("a");
      const work = await claim();
      expect(await store.cancel(running)).toMatchObject({ wasOpen: true, job: { state: "active" } });
      expect(await store.renew(work!)).toMatchObject({ kind: "held", cancelRequested: true });
      expect(await store.confirmCancel(work!)).toBe(true);
      expect(await store.get(running)).toMatchObject({ state: "cancelled" });
      expect(typesOf(await store.events([running], 0)).at(-1)).toBe("cancelled");
    });

    test("wishes that came with the audio replace those of the beginning", async () => {
      const { store, begin } = await open();
      const id = await begin("a", { params: "format=txt", priority: "normal" });
      const asked = {
        ...draftOf("a"),
        params: "format=srt",
        priority: "bulk" as const,
        callbackUrl: "https://a.example/",
      };
      expect(await store.submit(id, AUDIO, NO_LIMITS, asked)).toMatchObject({
        kind: "queued",
        job: { params: "format=srt", priority: "bulk", callbackUrl: "https://a.example/", owner: "a" },
      });
    });

    test("a cancellation that was acknowledged wins over a worker that ends before it hears of it", async () => {
      const { store, submit, claim } = await open();
      for (const report of [
        async (work: Claimed) => expect(await store.finish(work, "text", 1)).toBe(false),
        async (work: Claimed) => expect(await store.fail(work, { code: "x", message: "x" }, true)).toBe(true),
        async (work: Claimed) => expect(await store.fail(work, { code: "x", message: "x" }, false)).toBe(true),
        async (work: Claimed) => expect(await store.release(work)).toBe(true),
      ]) {
        const id = await submit("a");
        const work = await claim();
        await store.cancel(id);
        await report(work!);
        expect(await store.get(id)).toMatchObject({ state: "cancelled", fault: undefined, cancelRequested: false });
        expect(await store.result(id)).toBeUndefined();
        expect(typesOf(await store.events([id], 0)).at(-1)).toBe("cancelled");
      }
    });

    test("a job whose worker died after the cancellation is cancelled, not run again", async () => {
      const { store, submit, claim, time } = await open();
      const id = await submit("a");
      await claim();
      await store.cancel(id);
      time.nowMs += 31_000;
      await store.sweep();
      expect(await store.get(id)).toMatchObject({ state: "cancelled" });
    });

    test("one key makes one job: the same content repeats it, other content is a conflict, a day later it is new", async () => {
      const { store, begin, time } = await open();
      const draft = { idempotencyKey: "k" };
      const [one, two, three, other] = [
        await begin("a", draft),
        await begin("a", draft),
        await begin("a", draft),
        await begin("b", draft),
      ];
      expect(await store.submit(one, AUDIO, NO_LIMITS)).toMatchObject({ kind: "queued" });
      expect(await store.submit(two, AUDIO, NO_LIMITS)).toMatchObject({ kind: "repeated", job: { id: one } });
      expect(await store.submit(three, { ...AUDIO, sha256: "b".repeat(64) }, NO_LIMITS)).toEqual({ kind: "conflict" });
      expect(await store.submit(other, AUDIO, NO_LIMITS)).toMatchObject({ kind: "queued" });
      expect((await store.doomed()).map(({ id }) => id).toSorted()).toEqual([two, three].toSorted());
      time.nowMs += DAY_MS + 1;
      const late = await begin("a", draft);
      expect(await store.submit(late, AUDIO, NO_LIMITS)).toMatchObject({ kind: "queued" });
    });

    test("limits of one owner do not concern another, and say what and until when", async () => {
      const { store, submit, begin, claim, time } = await open();
      const draft = (owner: string): JobDraft => draftOf(owner);
      await submit("a");
      await begin("a");
      const quotas = { ...NO_LIMITS, unfinishedJobs: 2 };
      expect(await store.begin(draft("a"), quotas)).toEqual({
        kind: "refused",
        limit: "unfinishedJobs",
        allowed: 2,
        untilMs: undefined,
      });
      expect(await store.begin(draft("b"), quotas)).toEqual({ kind: "begun" });
      expect(await store.begin(draft("b"), { ...NO_LIMITS, allUnfinishedJobs: 3 })).toMatchObject({
        limit: "allUnfinishedJobs",
      });
      const big = await begin("c");
      expect(await store.submit(big, { ...AUDIO, bytes: 5000 }, { ...NO_LIMITS, storedBytes: 4999 })).toMatchObject({
        limit: "storedBytes",
        allowed: 4999,
      });
      expect(await store.get(big)).toBeUndefined();
      await store.finish((await claim())!, "x", 100);
      const minutes = { ...NO_LIMITS, audioSecondsPerDay: 100 };
      expect(await store.begin(draft("a"), minutes)).toMatchObject({
        limit: "audioSecondsPerDay",
        untilMs: Date.UTC(2026, 5, 2),
      });
      time.nowMs = Date.UTC(2026, 5, 2);
      expect(await store.begin(draft("a"), minutes)).toEqual({ kind: "begun" });
    });

    test("audio is counted once, however often a job is interrupted", async () => {
      const { store, submit, claim, begin } = await open();
      await submit("a");
      for (let k = 0; k < 4; k++) {
        const work = await claim();
        await store.commit(work!, { readings: [], doneS: 10 * (k + 1), totalS: 60 });
        await store.release(work!);
      }
      await store.finish((await claim())!, "x", 60);
      const id = await begin("a");
      expect(await store.submit(id, AUDIO, { ...NO_LIMITS, audioSecondsPerDay: 61 })).toMatchObject({ kind: "queued" });
      expect(await store.begin(draftOf("a"), { ...NO_LIMITS, audioSecondsPerDay: 60 })).toMatchObject({
        kind: "refused",
      });
    });

    test("no owner has more jobs under way than allowed", async () => {
      const { submit, claim } = await open();
      for (const owner of ["a", "a", "a", "b"]) await submit(owner);
      const claimed = [await claim({ activeJobs: 1 }), await claim({ activeJobs: 1 }), await claim({ activeJobs: 1 })];
      expect(claimed.map((work) => work?.job.owner)).toEqual(["a", "b", undefined]);
    });

    test("audio of a done job goes at once, its result after its time, and a crash between the two steps loses nothing", async () => {
      const { store, submit, claim, time } = await open();
      const id = await submit("a");
      await store.finish((await claim())!, "x", 1);
      expect(await store.doomed()).toEqual([{ id, whole: false }]);
      expect(await store.doomed()).toEqual([{ id, whole: false }]);
      await store.buried(id);
      expect(await store.doomed()).toEqual([]);
      expect(await store.get(id)).toMatchObject({ hasAudio: false, state: "done" });
      time.nowMs += 7 * DAY_MS;
      await store.sweep();
      expect([await store.get(id), await store.result(id), await store.list({ limit: 9 })]).toEqual([
        undefined,
        undefined,
        [],
      ]);
      expect(await store.exists([id])).toEqual([id]);
      expect(await store.doomed()).toEqual([{ id, whole: true }]);
      await store.buried(id);
      expect([await store.exists([id]), await store.doomed(), await store.events([id], 0)]).toEqual([[], [], []]);
    });

    test("audio of a failed job stays for a retry, for its time", async () => {
      const { store, submit, claim, time } = await open();
      const id = await submit("a");
      await store.fail((await claim())!, { code: "invalid_audio", message: "x" }, true);
      expect(await store.doomed()).toEqual([]);
      time.nowMs += DAY_MS;
      expect(await store.doomed()).toEqual([{ id, whole: false }]);
      expect(await store.retry(id)).toBeUndefined();
    });

    test("a retried job keeps its audio although it was due, and a purged one is out of its worker's hands", async () => {
      const { store, submit, claim } = await open();
      const id = await submit("a");
      await store.fail((await claim())!, { code: "x", message: "x" }, true);
      await store.retry(id);
      await store.buried(id);
      expect(await store.get(id)).toMatchObject({ hasAudio: true });
      const work = await claim();
      expect(await store.purge(id)).toBe(true);
      expect(await store.purge(id)).toBe(false);
      expect(await store.finish(work!, "x", 1)).toBe(false);
      expect(await store.get(id)).toBeUndefined();
    });

    test("lists by owner and state, newest first, page by page", async () => {
      const { store, submit, time } = await open();
      const ids: string[] = [];
      for (let k = 0; k < 7; k++) {
        if (k % 2 === 0) time.nowMs += 1;
        ids.push(await submit("a"));
      }
      await submit("b");
      const seen: string[] = [];
      for (let before; ;) {
        const page = await store.list({ owner: "a", states: ["queued"], limit: 3, before });
        seen.push(...page.map(({ id }) => id));
        const last = page.at(-1);
        if (last === undefined) break;
        before = { createdMs: last.createdMs, id: last.id };
      }
      expect(seen.length).toBe(7);
      expect(seen.toSorted()).toEqual(ids.toSorted());
      expect(await store.list({ owner: "a", states: ["done"], limit: 3 })).toEqual([]);
    });

    test("progress never falls and rises with the kept windows", async () => {
      const { store, submit, claim } = await open();
      const id = await submit("a");
      const work = await claim();
      for (const doneS of [5, 20, 3, 30]) await store.commit(work!, { readings: [], doneS, totalS: undefined });
      const progress = (await store.events([id], 0))
        .filter(({ type }) => type === "progress")
        .map(({ doneS }) => doneS);
      expect(progress).toEqual([5, 20, 30]);
      const events = await store.events([id], 0);
      expect(await store.events([id], events[2]!.seq)).toEqual(events.slice(3));
    });

    test("notifications are due at the end, once at a time, with one id for all tries of one end", async () => {
      const { store, submit, claim, time } = await open();
      const id = await submit("a", { callbackUrl: "https://example.com/hook" });
      expect(await store.deliveries()).toEqual([]);
      await store.finish((await claim())!, "x", 1);
      const [first] = await store.deliveries();
      expect(first).toMatchObject({ url: "https://example.com/hook", tries: 1, job: { id } });
      expect(await store.deliveries()).toEqual([]);
      await store.settleDelivery(id, time.nowMs + 5000);
      time.nowMs += 5000;
      expect(await store.deliveries()).toMatchObject([{ messageId: first!.messageId, tries: 2 }]);
      // The process that was sending it has died.
      time.nowMs += 61_000;
      expect(await store.deliveries()).toMatchObject([{ messageId: first!.messageId, tries: 3 }]);
      await store.settleDelivery(id, undefined);
      time.nowMs += DAY_MS;
      expect(await store.deliveries()).toEqual([]);
    });

    // --- whose turn it is

    test("an owner with few recordings is not behind another one's many", async () => {
      const { submit, order } = await open();
      for (let k = 0; k < 20; k++) await submit("bulk owner");
      for (const owner of ["b", "c"]) await submit(owner);
      const turns = await order(22, 60);
      expect(turns.slice(0, 3).toSorted()).toEqual(["b", "bulk owner", "c"]);
    });

    test("owners get equal shares of audio, not of jobs", async () => {
      const { store, submit, claim } = await open();
      const lengths = { long: 600, short: 30 };
      for (let k = 0; k < 120; k++) await submit("short");
      for (let k = 0; k < 6; k++) await submit("long");
      const given = { long: 0, short: 0 };
      for (let k = 0; given.long + given.short < 6000; k++) {
        const work = await claim();
        const owner = work!.job.owner as keyof typeof lengths;
        given[owner] += lengths[owner];
        await store.finish(work!, "x", lengths[owner]);
      }
      expect(given.long / given.short).toBeGreaterThan(0.8);
      expect(given.long / given.short).toBeLessThan(1.25);
    });

    test("a long recording gives way after a window, stands still, and has its turn again", async () => {
      const { store, submit, claim } = await open();
      await submit("long");
      const long = await claim();
      expect(await store.commit(long!, { readings: ["w"], doneS: 24, totalS: 10_800 })).toMatchObject({
        shouldYield: false,
      });
      const note = await submit("note");
      const standing = await store.commit(long!, { readings: ["w"], doneS: 48, totalS: 10_800 });
      expect(standing).toMatchObject({ kind: "held", shouldYield: true });
      expect(await store.park(long!)).toBe(true);
      const work = await claim();
      expect(work).toMatchObject({ id: note });
      expect(await store.renew(long!)).toMatchObject({ kind: "held", shouldYield: false });
      await store.finish(work!, "x", 10);
      expect(await store.claim("w1", MODEL, 0)).toEqual({ kind: "resume", id: long!.id, token: long!.token });
      expect(await store.claim("w1", MODEL, 0)).toBeUndefined();
      expect(await store.finish(long!, "x", 10_800)).toBe(true);
    });

    test("old work of one owner is not before the fresh work of another", async () => {
      const { store, submit, claim, time } = await open();
      for (let k = 0; k < 5; k++) await submit("many");
      const long = await claim();
      for (let doneS = 24; doneS <= 2400; doneS += 24) {
        time.nowMs += 5000;
        await store.commit(long!, { readings: ["w"], doneS, totalS: 10_800 });
      }
      await submit("note");
      expect(await store.commit(long!, { readings: ["w"], doneS: 2424, totalS: 10_800 })).toMatchObject({
        shouldYield: true,
      });
      await store.park(long!);
      expect(await claim()).toMatchObject({ job: { owner: "note" } });
    });

    test("work of a low class is done although new owners keep coming", async () => {
      const { store, submit, claim } = await open();
      await submit("patient", { priority: "bulk" });
      let rounds = 0;
      for (; rounds < 100; rounds++) {
        await submit(`owner ${rounds}`);
        const work = (await claim())!;
        if (work.job.owner === "patient") break;
        await store.finish(work, "x", 300);
      }
      // (3600 s - 120 s) of audio for each of the two that have work at any time.
      expect(rounds).toBeLessThanOrEqual(25);
      expect(rounds).toBeGreaterThan(3);
    });

    test("a parked job is nobody else's, and is queued again when its worker is lost", async () => {
      const { store, submit, claim, time } = await open();
      const id = await submit("a");
      const work = await claim();
      await store.park(work!);
      expect(await claim({ worker: "w2" })).toBeUndefined();
      time.nowMs += 31_000;
      await store.sweep();
      time.nowMs += 60_000;
      expect(await claim({ worker: "w2" })).toMatchObject({ id });
    });

    test("an owner never yields to itself", async () => {
      const { store, submit, claim } = await open();
      await submit("a");
      const work = await claim();
      await submit("a", { priority: "interactive" });
      expect(await store.commit(work!, { readings: [], doneS: 600, totalS: 900 })).toMatchObject({
        shouldYield: false,
      });
    });

    test("urgent work of an owner goes first, and nothing waits without end", async () => {
      const { submit, claim, time } = await open();
      const [bulk, normal, urgent] = [
        await submit("a", { priority: "bulk" }),
        await submit("a"),
        await submit("a", { priority: "interactive" }),
      ];
      expect([(await claim())!.id, (await claim())!.id, (await claim())!.id]).toEqual([urgent, normal, bulk]);
      const old = await submit("b", { priority: "bulk" });
      time.nowMs += 3_600_000;
      await submit("b", { priority: "interactive" });
      expect((await claim())!.id).toBe(old);
    });

    test("time without work earns an owner no credit", async () => {
      const { store, submit, claim, order } = await open();
      await submit("idle");
      await store.finish((await claim())!, "x", 1);
      for (let k = 0; k < 20; k++) await submit("busy");
      await order(10, 100);
      for (let k = 0; k < 10; k++) await submit("idle");
      const turns = await order(8, 100);
      expect(turns.filter((owner) => owner === "idle").length).toBeLessThanOrEqual(5);
      expect(turns.filter((owner) => owner === "idle").length).toBeGreaterThanOrEqual(3);
    });

    // --- whatever happens

    test("whatever workers, crashes, cancellations and clocks do: one result a job, no stale write, nothing lost", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(stepOf, { minLength: 20, maxLength: 120 }), async (steps) => {
          const bench = await open();
          const model = createModel(bench);
          for (const step of steps) await model.take(step);
          await model.settle();
          await bench.store.close();
        }),
        { numRuns: subject.runs ?? 25 },
      );
    }, 60_000);
  });
}

// --- the property

type Step =
  | { readonly do: "submit"; readonly owner: string }
  | {
      readonly do: "claim" | "commit" | "finish" | "fail" | "release" | "forget" | "late" | "park";
      readonly which: number;
    }
  | { readonly do: "cancel" | "retry"; readonly which: number }
  | { readonly do: "clock"; readonly ms: number }
  | { readonly do: "sweep" };

const which = fc.nat(20);
const stepOf: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("submit" as const), owner: fc.constantFrom("a", "b", "c") }) },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constantFrom("claim", "claim", "claim", "commit", "finish", "fail", "release", "forget", "late", "park"),
      which,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("cancel", "retry"), which }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("clock" as const), ms: fc.integer({ min: -300_000, max: 300_000 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("sweep" as const) }) },
);

interface Model {
  take(step: Step): Promise<void>;
  settle(): Promise<void>;
}

function createModel({ store, submit, time }: Bench): Model {
  const ids: string[] = [];
  const live: Claimed[] = [];
  /** Claims of workers that died or lost their lease: they write once more, later. */
  const ghosts: Claimed[] = [];
  const published = new Map<string, string>();
  const cancelled = new Set<string>();
  let worker = 0;

  const publish = async (work: Claimed, isGhost: boolean): Promise<void> => {
    const text = `${work.id}/${work.token}`;
    if (!(await store.finish(work, text, 10))) return;
    expect(published.has(work.id), isGhost ? "a stale worker published" : "published twice").toBe(false);
    published.set(work.id, text);
  };
  const pick = (list: Claimed[], n: number): Claimed | undefined => list.splice(n % Math.max(1, list.length), 1)[0];

  const take = async (step: Step): Promise<void> => {
    switch (step.do) {
      case "submit":
        ids.push(await submit(step.owner));
        return;
      case "claim": {
        const turn = await store.claim(`w${worker++ % 4}`, MODEL, 0);
        if (turn?.kind === "claimed") {
          for (const other of live.filter(({ id }) => id === turn.id))
            ghosts.push(...live.splice(live.indexOf(other), 1));
          live.push(turn);
        }
        return;
      }
      case "commit": {
        const work = live[step.which % Math.max(1, live.length)];
        if (work !== undefined) await store.commit(work, { readings: ["r"], doneS: step.which, totalS: 30 });
        return;
      }
      case "park": {
        const work = live[step.which % Math.max(1, live.length)];
        if (work !== undefined) await store.park(work);
        return;
      }
      case "finish": {
        const work = pick(live, step.which);
        if (work !== undefined) await publish(work, false);
        return;
      }
      case "fail": {
        const work = pick(live, step.which);
        if (work !== undefined) await store.fail(work, { code: "x", message: "x" }, step.which % 5 === 0);
        return;
      }
      case "release": {
        const work = pick(live, step.which);
        if (work !== undefined) await store.release(work);
        return;
      }
      case "forget": {
        const work = pick(live, step.which);
        if (work !== undefined) ghosts.push(work);
        return;
      }
      case "late": {
        const work = pick(ghosts, step.which);
        // It may still hold the job when no sweep came between: then it publishes, once.
        if (work !== undefined) await publish(work, true);
        return;
      }
      case "cancel": {
        const id = ids[step.which % Math.max(1, ids.length)];
        if (id !== undefined && (await store.cancel(id))?.wasOpen === true) cancelled.add(id);
        return;
      }
      case "retry": {
        const id = ids[step.which % Math.max(1, ids.length)];
        if (id !== undefined) await store.retry(id);
        return;
      }
      case "clock":
        time.nowMs += step.ms;
        return;
      case "sweep":
        await store.sweep();
    }
  };

  /** All workers die; one that works takes what is left, until nothing is open. */
  const settle = async (): Promise<void> => {
    for (let round = 0; round < 8; round++) {
      time.nowMs += 700_000;
      await store.sweep();
      for (
        let turn = await store.claim("last", MODEL, 0);
        turn !== undefined;
        turn = await store.claim("last", MODEL, 0)
      ) {
        if (turn.kind === "claimed") await publish(turn, false);
      }
    }
    for (const work of [...ghosts, ...live]) expect(await store.finish(work, "too late", 1)).toBe(false);
    for (const id of ids) {
      const job = await store.get(id);
      expect(job?.state, "lost or stuck").toMatch(/^(?:done|failed|cancelled)$/);
      expect(job!.attempts).toBeLessThanOrEqual(3);
      if (cancelled.has(id)) expect(job?.state, "cancelled, and ended otherwise").toBe("cancelled");
      expect(await store.result(id)).toBe(published.get(id));
      expect(job!.state === "done").toBe(published.has(id));
      const ends = (await store.events([id], 0)).filter(({ type }) => type === "done");
      expect(ends.length).toBe(published.has(id) ? 1 : 0);
    }
    const { queued, active, stuck } = await store.stats();
    expect({ queued, active, stuck }).toEqual({ queued: 0, active: 0, stuck: 0 });
  };
  return { take, settle };
}

// --- support

interface Bench {
  readonly store: JobStore;
  readonly time: { nowMs: number };
  begin(owner: string, draft?: Partial<JobDraft>): Promise<string>;
  submit(owner: string, draft?: Partial<JobDraft>): Promise<string>;
  claim(options?: { worker?: string; model?: string; activeJobs?: number }): Promise<Claimed | undefined>;
  /** Owners of the next turns, each job of this length. */
  order(turns: number, audioS: number): Promise<string[]>;
}

function createBench(store: JobStore, time: { nowMs: number }): Bench {
  const begin: Bench["begin"] = async (owner, draft) => {
    const full = { ...draftOf(owner), ...draft };
    expect(await store.begin(full, NO_LIMITS)).toEqual({ kind: "begun" });
    return full.id;
  };
  const claim: Bench["claim"] = async ({ worker = "w1", model = MODEL, activeJobs = 0 } = {}) => {
    const turn = await store.claim(worker, model, activeJobs);
    if (turn?.kind === "resume") throw new Error("a parked job has its turn");
    return turn;
  };
  return {
    store,
    time,
    begin,
    claim,
    submit: async (owner, draft) => {
      const id = await begin(owner, draft);
      expect(await store.submit(id, AUDIO, NO_LIMITS)).toMatchObject({ kind: "queued" });
      return id;
    },
    order: async (turns, audioS) => {
      const owners: string[] = [];
      for (let k = 0; k < turns; k++) {
        const work = await claim();
        owners.push(work!.job.owner);
        await store.finish(work!, "x", audioS);
      }
      return owners;
    },
  };
}

export function draftOf(owner: string): JobDraft {
  return {
    id: randomUUID(),
    owner,
    priority: "normal",
    params: "",
    idempotencyKey: undefined,
    callbackUrl: undefined,
    retention: { audioMs: 0, failedAudioMs: DAY_MS, resultMs: 7 * DAY_MS },
  };
}

function typesOf(events: readonly JobEvent[]): string[] {
  return events.map(({ type }) => type);
}
