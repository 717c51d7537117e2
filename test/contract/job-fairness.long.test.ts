import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSqliteJobs } from "../../src/store/jobs/sqlite/open.ts";
import type { SyncJobStore } from "../../src/store/jobs/methods.ts";
import type { Turn } from "../../src/store/jobs/types.ts";
import { SEED } from "../support/fuzz.ts";
import { createRandom } from "../support/mutate.ts";

const NO_LIMITS = { unfinishedJobs: 0, activeJobs: 0, audioSecondsPerDay: 0, storedBytes: 0, allUnfinishedJobs: 0 };
/** Audio of a window, and the time that a box of speed 10 needs for it. */
const WINDOW_S = 24;
const WINDOW_MS = 2400;
const LEASE_RENEWED_MS = 10_000;
const HOUR_MS = 3_600_000;

interface Recording {
  readonly owner: string;
  readonly atMs: number;
  readonly lengthS: number;
}

interface Outcome {
  /** Time from its submission to its first window, of every job that has begun. */
  readonly waitsMs: ReadonlyMap<string, readonly number[]>;
  readonly heardS: ReadonlyMap<string, number>;
}

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-fair-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A box with one slot works on these recordings for some time, in a time of its own: only the store is real. */
function work(recordings: readonly Recording[], lastMs: number): Outcome {
  let nowMs = 1_800_000_000_000;
  const startMs = nowMs;
  const store: SyncJobStore = openSqliteJobs(join(dir, `${randomUUID()}.sqlite`), { nowMs: () => nowMs });
  const jobs = new Map<string, Recording & { doneS: number; hasBegun: boolean }>();
  const waitsMs = new Map<string, number[]>();
  const heardS = new Map<string, number>();
  const coming = recordings.toSorted((a, b) => a.atMs - b.atMs);
  const held = new Map<string, Turn>();
  let renewedMs = nowMs;
  let turn: Turn | undefined;

  const submit = ({ owner, lengthS, atMs }: Recording): void => {
    const id = randomUUID();
    const retention = { audioMs: 0, failedAudioMs: 0, resultMs: 7 * 24 * HOUR_MS };
    const wishes = {
      priority: "normal",
      params: "",
      idempotencyKey: undefined,
      callbackUrl: undefined,
      retention,
    } as const;
    store.begin({ id, owner, ...wishes }, NO_LIMITS);
    store.submit(id, { parts: 1, bytes: Math.round(lengthS * 16_000), sha256: id }, NO_LIMITS);
    jobs.set(id, { owner, lengthS, atMs, doneS: 0, hasBegun: false });
  };

  while (nowMs - startMs < lastMs) {
    while (coming.length > 0 && startMs + coming[0]!.atMs <= nowMs) submit(coming.shift()!);
    if (nowMs - renewedMs > LEASE_RENEWED_MS) {
      for (const one of held.values()) store.renew(one);
      renewedMs = nowMs;
    }
    turn ??= store.claim("box", "model", 0);
    if (turn === undefined) {
      nowMs += 100;
      continue;
    }
    held.set(turn.id, turn);
    const job = jobs.get(turn.id)!; // submitted above
    if (!job.hasBegun) {
      job.hasBegun = true;
      waitsMs.set(job.owner, [...(waitsMs.get(job.owner) ?? []), nowMs - startMs - job.atMs]);
    }
    const windowS = Math.min(WINDOW_S, job.lengthS - job.doneS);
    nowMs += Math.round((WINDOW_MS * windowS) / WINDOW_S);
    job.doneS += windowS;
    heardS.set(job.owner, (heardS.get(job.owner) ?? 0) + windowS);
    const standing = store.commit(turn, { readings: ["w"], doneS: job.doneS, totalS: job.lengthS });
    expect(standing.kind).toBe("held");
    if (job.doneS >= job.lengthS) {
      expect(store.finish(turn, "[]", job.lengthS)).toBe(true);
      held.delete(turn.id);
      turn = undefined;
    } else if (standing.kind === "held" && standing.shouldYield) {
      store.park(turn);
      turn = undefined;
    }
  }
  store.close();
  return { waitsMs, heardS };
}

/** Ten owners with a voice note a minute each, at random. */
function notes(random: () => number, untilMs: number): readonly Recording[] {
  return Array.from({ length: 10 }, (_, k) => {
    const of: Recording[] = [];
    for (let atMs = random() * 60_000; atMs < untilMs; atMs += -Math.log(1 - random()) * 60_000)
      of.push({ owner: `note ${k}`, atMs, lengthS: 5 + random() * 19 });
    return of;
  }).flat();
}

const hours = (count: number): readonly Recording[] =>
  Array.from({ length: count }, () => ({ owner: "archive", atMs: 0, lengthS: 3 * 3600 }));

function p95(outcome: Outcome): number {
  const waits = [...outcome.waitsMs].filter(([owner]) => owner !== "archive").flatMap(([, of]) => of);
  return waits.toSorted((a, b) => a - b)[Math.floor(waits.length * 0.95)]!; // there are notes
}

describe("one owner with 201 recordings of three hours", () => {
  test("makes 95 of 100 voice notes of ten others wait at most two windows longer", () => {
    const lastMs = HOUR_MS / 2;
    const outcome = (long: readonly Recording[]): Outcome =>
      work([...long, ...notes(createRandom(SEED).next, lastMs)], lastMs);
    const crowded = outcome(hours(201));
    const [alone, beside] = [p95(outcome([])), p95(crowded)];
    process.stdout.write(
      `voice notes, wait of the 95th: ${alone.toFixed(0)} ms alone, ${beside.toFixed(0)} ms beside 603 hours; a window takes ${WINDOW_MS} ms`,
    );
    expect(beside - alone).toBeLessThanOrEqual(2 * WINDOW_MS);
    // The box is not idle for their sake.
    const allS = [...crowded.heardS.values()].reduce((sum, one) => sum + one, 0);
    expect(allS).toBeGreaterThan(0.99 * (lastMs / WINDOW_MS) * WINDOW_S);
  }, 120_000);

  test("has the same share of the box as each of ten others who always have work, within a fifth", () => {
    const lastMs = HOUR_MS / 3;
    const random = createRandom(SEED).next;
    const busy = Array.from({ length: 10 }, (_, k) =>
      Array.from({ length: 120 }, () => ({ owner: `note ${k}`, atMs: 0, lengthS: 5 + random() * 19 })),
    ).flat();
    const { heardS } = work([...hours(201), ...busy], lastMs);
    const shares = [...heardS.values()];
    const mean = shares.reduce((sum, one) => sum + one, 0) / shares.length;
    expect(shares).toHaveLength(11);
    process.stdout.write(`shares of eleven owners: ${shares.map((one) => (one / mean).toFixed(2)).join(" ")}`);
    for (const share of shares) expect(Math.abs(share / mean - 1)).toBeLessThan(0.2);
  }, 120_000);
});
