import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { dayOf } from "../../src/store/jobs/policy.ts";
import type { JobStore } from "../../src/store/jobs/types.ts";
import { whenWeEnd } from "../support/leash.ts";

/** Length of every recording. */
const JOB_S = 30;
const child = (name: string): string => fileURLToPath(new URL(`../fixtures/children/${name}.js`, import.meta.url));

export interface Kills {
  readonly store: JobStore;
  /** What the workers open. */
  readonly place: Readonly<Record<string, unknown>>;
  readonly jobs: number;
  readonly workers: number;
  readonly kills: number;
  /** Stops and starts the store or its network, after every tenth of the jobs. */
  readonly interrupt?: () => Promise<void>;
  /** What the clocks of the workers are off by, each in turn; as faketime reads it. */
  readonly clocks?: readonly string[];
}

/**
 * Workers, and the process that takes the jobs, are killed at random. Each job that was acknowledged is published once, with the text of an
 * undisturbed run, and nothing is counted twice.
 */
export async function survivesKills(kills: Kills): Promise<void> {
  const { store, place, jobs, workers, interrupt, clocks = ["+0"] } = kills;
  const start = (name: string, clock = "+0"): ChildProcess => {
    const faked = clock === "+0" ? [] : ["faketime", "-f", clock];
    const [program, ...argv] = [...faked, process.execPath, child(name)];
    const started = spawn(program!, argv, {
      // With the library in the way of the monotonic clock timers stand still.
      env: { ...process.env, JOB_PLACE: JSON.stringify(place), JOB_PAUSE_MS: "5", FAKETIME_DONT_FAKE_MONOTONIC: "1" },
      stdio: ["ignore", "pipe", "ignore"],
      detached: true,
    });
    const leash = whenWeEnd(`kill -9 -${started.pid}`);
    started.once("exit", () => leash.cancel());
    return started;
  };
  const kill = (one: ChildProcess): void => void process.kill(-one.pid!, "SIGKILL");

  const beganOn = dayOf(Date.now()).day;
  const acknowledged: string[] = [];
  const take = (): ChildProcess => {
    const api = start("job-api");
    createInterface({ input: api.stdout! }).on("line", (id) => {
      if (acknowledged.push(id) >= jobs && api.exitCode === null && api.signalCode === null) kill(api);
    });
    return api;
  };
  const work = (at: number): ChildProcess => start("job-worker", clocks[at % clocks.length]);
  let api = take();
  const running = Array.from({ length: workers }, (_, at) => work(at));
  const until = async (isSo: () => Promise<boolean>): Promise<void> => {
    await expect.poll(() => isSo().catch(() => false), { timeout: 600_000, interval: 200 }).toBe(true);
  };
  const done = async (): Promise<number> => (await store.list({ states: ["done"], limit: 2 * jobs })).length;
  const isOver = async (): Promise<boolean> => {
    const { queued, active } = await store.stats();
    return acknowledged.length >= jobs && queued === 0 && active === 0;
  };
  try {
    for (let k = 0; k < kills.kills; k++) {
      // Kills are spread over the jobs, whatever the speed of the machine.
      const share = (jobs * k) / (2 * kills.kills);
      await until(async () => (await done()) >= Math.floor(share) || (await isIdle(store)));
      if (k % Math.ceil(kills.kills / 10) === 0) await interrupt?.();
      const at = k % workers;
      kill(running[at]!);
      running[at] = work(at);
      if (acknowledged.length < jobs) {
        kill(api);
        api = take();
      }
    }
    await until(isOver);
  } finally {
    for (const one of [api, ...running]) if (one.exitCode === null && one.signalCode === null) kill(one);
  }
  for (const id of acknowledged) {
    expect(JSON.parse((await store.result(id)) ?? "null")).toEqual([0, 1, 2].map((window) => `${id}/${window}`));
    const ends = (await store.events([id], 0)).filter(({ type }) => type === "done");
    expect(ends.length, "published once").toBe(1);
  }
  expect(new Set(acknowledged).size).toBe(acknowledged.length);
  // A submission that was cut off is a job or is none.
  expect(await done()).toBeLessThanOrEqual(acknowledged.length + kills.kills + 1);
  expect(await store.stats()).toMatchObject({ queued: 0, active: 0, stuck: 0, dead: 0, waitingS: 0 });
  await countsAudioOnce(store, 2 * jobs, beganOn);
}

/** Every owner has used up what its jobs are long, to the second. */
async function countsAudioOnce(store: JobStore, limit: number, beganOn: string): Promise<void> {
  const all = await store.list({ states: ["done"], limit });
  const retention = { audioMs: 0, failedAudioMs: 0, resultMs: 86_400_000 };
  const wishes = {
    priority: "normal",
    params: "",
    idempotencyKey: undefined,
    callbackUrl: undefined,
    retention,
  } as const;
  const mayAsk = async (owner: string, audioSecondsPerDay: number): Promise<string> => {
    const id = randomUUID();
    const limits = { unfinishedJobs: 0, activeJobs: 0, audioSecondsPerDay, storedBytes: 0, allUnfinishedJobs: 0 };
    const { kind } = await store.begin({ id, owner, ...wishes }, limits);
    await store.abandon(id);
    return kind;
  };
  const owners = [...new Set(all.map(({ owner }) => owner))];
  const heardS = (owner: string): number => JOB_S * all.filter((job) => job.owner === owner).length;
  const answers = await Promise.all(
    owners.map(async (owner) => [await mayAsk(owner, heardS(owner)), await mayAsk(owner, heardS(owner) + 1)]),
  );
  // The next day begins with nothing.
  if (dayOf(Date.now()).day === beganOn) expect(answers).toEqual(owners.map(() => ["refused", "begun"]));
}

/** Everything that is left has lost its worker. */
async function isIdle(store: JobStore): Promise<boolean> {
  const { queued, active } = await store.stats();
  return queued === 0 && active > 0;
}
