import * as fc from "fast-check";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSqliteArchive } from "../../../src/store/archive/sqlite/store.ts";
import { ARCHIVE_MIGRATIONS } from "../../../src/store/archive/sqlite/schema.ts";
import { openSqliteJobs } from "../../../src/store/jobs/sqlite/open.ts";
import { openDatabase } from "../../../src/store/sqlite.ts";
import { entryOf } from "../../contract/archive-store.ts";
import { AUDIO, draftOf, NO_LIMITS } from "../../contract/job-store.ts";
import { fuzzRuns } from "../../support/fuzz.ts";

// A box without a clock of its own: its time leaps while results, leases and transcripts wait for theirs.

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const NOW = Date.UTC(2026, 10, 29, 12);
const KEEP_MS = 7 * DAY_MS;

let dir: string;
let files = 0;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-clock-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A machine's time: `pass` lets it go by, `set` sets the clock. */
function machineTime(startMs: number): {
  nowMs(): number;
  monotonicMs(): number;
  pass(ms: number): void;
  set(ms: number): void;
} {
  let [nowMs, monotonicMs] = [startMs, 5000];
  return {
    nowMs: () => nowMs,
    monotonicMs: () => monotonicMs,
    pass: (ms) => {
      nowMs += ms;
      monotonicMs += ms;
    },
    set: (ms) => (nowMs = ms),
  };
}

type Time = ReturnType<typeof machineTime>;

function openJobs(time: Time, file = `${files++}.sqlite`): ReturnType<typeof openSqliteJobs> {
  return openSqliteJobs(join(dir, file), { nowMs: time.nowMs, monotonicMs: time.monotonicMs, random: () => 0.5 });
}

function openArchive(time: Time, file = `${files++}.sqlite`): ReturnType<typeof createSqliteArchive> {
  return createSqliteArchive(
    openDatabase({ path: join(dir, file), contents: "archive", migrations: ARCHIVE_MIGRATIONS }),
    time,
  );
}

/** A job that is done at this time. */
function doneJob(store: ReturnType<typeof openJobs>): string {
  const draft = draftOf("a");
  store.begin(draft, NO_LIMITS);
  store.submit(draft.id, AUDIO, NO_LIMITS);
  const turn = store.claim("w1", "m", 0);
  if (turn?.kind !== "claimed") throw new Error("nothing to do");
  store.finish(turn, "text", 5);
  return draft.id;
}

describe("jobs on a machine whose clock is set", () => {
  it.each([
    ["1970 at boot", 60_000, NOW],
    ["the time of the last shutdown at boot", NOW - 40 * DAY_MS, NOW],
    ["ahead at boot", Date.UTC(2099, 0, 1), NOW],
    ["right at boot, then ahead by a year", NOW, NOW + 365 * DAY_MS],
  ])("%s: a result is kept as long as was promised, and no longer", (_name, bootMs, setMs) => {
    const time = machineTime(bootMs);
    const store = openJobs(time);
    store.sweep();
    const id = doneJob(store);
    time.pass(MINUTE_MS);
    time.set(setMs);
    time.pass(10_000);
    store.sweep();
    time.pass(KEEP_MS - 5 * MINUTE_MS);
    store.sweep();
    expect(store.result(id)).toBe("text");
    time.pass(10 * MINUTE_MS);
    store.sweep();
    expect(store.result(id)).toBeUndefined();
    store.close();
  });

  it("made before an earlier start of 1970 got the time: its age begins when the time is known", () => {
    const [file, first] = [`${files++}.sqlite`, machineTime(60_000)];
    const before = openJobs(first, file);
    const id = doneJob(before);
    before.close();
    const time = machineTime(30_000);
    const store = openJobs(time, file);
    store.sweep();
    time.set(NOW);
    time.pass(10_000);
    store.sweep();
    expect(store.result(id)).toBe("text");
    store.close();
  });

  it("starts a year ahead, and is set right within a day: nothing is deleted; after a day without that, it is", () => {
    for (const isSetRight of [true, false]) {
      const file = `${files++}.sqlite`;
      const before = openJobs(machineTime(NOW), file);
      const id = doneJob(before);
      before.close();
      const time = machineTime(NOW + 365 * DAY_MS);
      const store = openJobs(time, file);
      store.sweep();
      expect(store.result(id)).toBe("text");
      if (isSetRight) time.set(NOW + MINUTE_MS);
      time.pass(DAY_MS + MINUTE_MS);
      store.sweep();
      expect(store.result(id)).toBe(isSetRight ? "text" : undefined);
      store.close();
    }
  });

  it("whatever way it is set, a worker keeps its lease, a lost one is noticed, and nothing is gone before its time", () => {
    const step = fc.oneof(
      fc.record({ pass: fc.integer({ min: 1, max: 60 }).map((minutes) => minutes * MINUTE_MS) }),
      fc.record({ set: fc.integer({ min: -400, max: 400 }).map((days) => NOW + days * DAY_MS) }),
      fc.constant({ set: 60_000 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const time = machineTime(NOW);
        const store = openJobs(time);
        const id = doneJob(store);
        const doneAtMs = time.monotonicMs();
        for (const taken of steps) {
          if ("set" in taken) {
            const draft = draftOf("b");
            store.begin(draft, NO_LIMITS);
            store.submit(draft.id, AUDIO, NO_LIMITS);
            const turn = store.claim("w1", "m", 0);
            time.set(taken.set);
            time.pass(1000);
            store.sweep();
            if (turn?.kind === "claimed") expect(store.finish(turn, "other", 5)).toBe(true);
            // A worker that is gone without a word, under the new time.
            const lost = draftOf("c");
            store.begin(lost, NO_LIMITS);
            store.submit(lost.id, AUDIO, NO_LIMITS);
            store.claim("w2", "m", 0);
            time.pass(MINUTE_MS);
            store.sweep();
            expect(store.get(lost.id)?.state).toBe("queued");
            store.cancel(lost.id);
          } else {
            time.pass(taken.pass);
            store.sweep();
          }
          if (time.monotonicMs() - doneAtMs < KEEP_MS) expect(store.result(id)).toBe("text");
        }
        store.close();
      }),
      fuzzRuns(2000),
    );
  });
});

describe("the archive on a machine whose clock is set", () => {
  it.each([
    ["1970 at boot", 60_000, NOW],
    ["the time of the last shutdown at boot", NOW - 40 * DAY_MS, NOW],
    ["ahead at boot", Date.UTC(2099, 0, 1), NOW],
  ])("%s: a transcript is kept as long as was promised and can be found", (_name, bootMs, setMs) => {
    const time = machineTime(bootMs);
    const store = openArchive(time);
    const expire = (): unknown => store.expire(time.nowMs() - KEEP_MS, 100);
    expire();
    const entries = ["первый текст", "второй текст"].map((text) => {
      time.pass(1000);
      return entryOf(text, { createdMs: time.nowMs() });
    });
    for (const entry of entries) store.add(entry);
    const old = entryOf("старая запись", { source: "import", createdMs: NOW - DAY_MS });
    store.add(old);
    time.pass(MINUTE_MS);
    time.set(setMs);
    time.pass(DAY_MS + MINUTE_MS);
    expire();
    const found = store.search({ text: "текст", limit: 10, hits: 1 }).found;
    expect(found.map(({ id }) => id)).toEqual(entries.toReversed().map(({ id }) => id));
    for (const { createdMs } of found)
      expect(Math.abs(createdMs - (setMs - MINUTE_MS))).toBeLessThan(DAY_MS + 5 * MINUTE_MS);
    expect(store.get(old.id)?.createdMs).toBe(NOW - DAY_MS);
    time.pass(KEEP_MS);
    expire();
    expect(store.search({ text: "текст", limit: 10, hits: 1 }).found).toEqual([]);
    store.close();
  });
});
