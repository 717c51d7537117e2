import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { JobStore } from "../../src/store/jobs/types.ts";
import { whenWeEnd } from "../support/leash.ts";

const WORKER = fileURLToPath(new URL("../fixtures/children/job-worker.js", import.meta.url));
const NO_LIMITS = { unfinishedJobs: 0, activeJobs: 0, audioSecondsPerDay: 0, storedBytes: 0, allUnfinishedJobs: 0 };
const OWNERS = 7;

export interface Kills {
  readonly store: JobStore;
  /** What the workers open. */
  readonly place: Readonly<Record<string, unknown>>;
  readonly jobs: number;
  readonly workers: number;
  readonly kills: number;
  /** Stops and starts the store once, in the middle. */
  readonly interrupt?: () => Promise<void>;
}

/** Workers are killed at random while they run jobs. Each job is published once, with the text of an undisturbed run. */
export async function survivesKills({ store, place, jobs, workers, kills, interrupt }: Kills): Promise<void> {
  const ids: string[] = [];
  for (let k = 0; k < jobs; k++) {
    const id = randomUUID();
    const retention = { audioMs: 0, failedAudioMs: 86_400_000, resultMs: 86_400_000 };
    const wishes = {
      priority: "normal",
      params: "",
      idempotencyKey: undefined,
      callbackUrl: undefined,
      retention,
    } as const;
    await store.begin({ id, owner: `owner-${k % OWNERS}`, ...wishes }, NO_LIMITS);
    await store.submit(id, { parts: 1, bytes: 1000, sha256: id }, NO_LIMITS);
    ids.push(id);
  }
  const start = (): ChildProcess => {
    const child = spawn(process.execPath, [WORKER], {
      env: { ...process.env, JOB_PLACE: JSON.stringify(place) },
      stdio: "ignore",
    });
    const leash = whenWeEnd(`kill -9 ${child.pid}`);
    child.once("exit", () => leash.cancel());
    return child;
  };
  const running = Array.from({ length: workers }, start);
  const until = async (isSo: () => Promise<boolean>): Promise<void> => {
    await expect.poll(() => isSo().catch(() => false), { timeout: 300_000, interval: 200 }).toBe(true);
  };
  const done = async (): Promise<number> => (await store.list({ states: ["done"], limit: jobs })).length;
  try {
    for (let k = 0; k < kills; k++) {
      // Kills are spread over the jobs, whatever the speed of the machine.
      await until(async () => (await done()) >= Math.floor((jobs * k) / (2 * kills)) || (await isIdle(store)));
      if (k === Math.floor(kills / 2)) await interrupt?.();
      const at = k % workers;
      running[at]!.kill("SIGKILL");
      running[at] = start();
    }
    await until(async () => (await done()) === jobs);
  } finally {
    for (const child of running) child.kill("SIGKILL");
  }
  for (const id of ids) {
    expect(JSON.parse((await store.result(id)) ?? "null")).toEqual([0, 1, 2].map((window) => `${id}/${window}`));
    const ends = (await store.events([id], 0)).filter(({ type }) => type === "done");
    expect(ends.length, "published once").toBe(1);
  }
  expect(await store.stats()).toMatchObject({ queued: 0, active: 0, stuck: 0, waitingS: 0 });
}

/** Everything that is left has lost its worker. */
async function isIdle(store: JobStore): Promise<boolean> {
  const { queued, active } = await store.stats();
  return queued === 0 && active > 0;
}
