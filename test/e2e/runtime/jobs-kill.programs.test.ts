import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { sqliteEngine } from "../../../src/store/sqlite-engine.ts";
import { evalClips, startServe, stopAll, wavOf } from "./harness.ts";
import type { Served } from "./harness.ts";

let dir: string;
afterEach(async () => {
  await stopAll();
  rmSync(dir, { recursive: true, force: true });
});

const runsOf = async ({ url }: Served): Promise<number> =>
  Number(/^gigastt_inference_duration_seconds_count (\d+)/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1]);
const view = async ({ url }: Served, id: string): Promise<Record<string, unknown>> =>
  (await (await fetch(`${url}/v1/jobs/${id}`)).json()) as Record<string, unknown>; // an object by the wire protocol

it("a server that is killed in a recording continues it after its last kept window, and publishes one undisturbed text", async () => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-jobs-kill-"));
  const yaml = `jobs: { enabled: true, dir: ${dir}, diskReserve: 0B }\nmetrics: { enabled: true }\nengine: { workers: 1 }\n`;
  const pause = Buffer.alloc(48_000);
  const speech = Buffer.concat(evalClips(22).flatMap(({ pcm }) => [pcm, pause]));

  const first = await startServe(yaml);
  // So long that this machine works at it for several commits, which come once a second.
  let audio = wavOf(speech);
  let undisturbed = "";
  let windows = 0;
  for (let copies = 1, tookMs = 0; tookMs < 4000; copies *= 2) {
    audio = wavOf(Buffer.concat(Array.from({ length: copies }, () => speech)));
    const [startMs, before] = [performance.now(), await runsOf(first)];
    undisturbed = await (await fetch(`${first.url}/v1/transcribe?format=txt`, { method: "POST", body: audio })).text();
    tookMs = performance.now() - startMs;
    windows = (await runsOf(first)) - before;
  }
  const { job_id: id } = (await (await fetch(`${first.url}/v1/jobs`, { method: "POST", body: audio })).json()) as {
    job_id: string;
  };
  const file = sqliteEngine().connect(join(dir, "jobs.sqlite"));
  const keptWindows = (): number => file.prepare("SELECT 1 FROM readings WHERE job = ?").all(id).length;
  await expect.poll(keptWindows, { interval: 20, timeout: 30_000 }).toBeGreaterThan(0);
  first.process.kill("SIGKILL");
  await first.exited;

  const kept = keptWindows();
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThan(windows);
  // Its lease of half a minute is over: the clock of this is checked with the store.
  file.prepare("UPDATE jobs SET lease_ms = 1 WHERE id = ? AND state = 'active'").run(id);

  const second = await startServe(yaml);
  await expect.poll(async () => (await view(second, id))["status"], { timeout: 10_000 }).not.toBe("processing");
  file.prepare("UPDATE jobs SET not_before_ms = 0 WHERE id = ?").run(id);
  file.close();
  await expect.poll(async () => (await view(second, id))["status"], { timeout: 60_000 }).toBe("done");
  expect(await (await fetch(`${second.url}/v1/jobs/${id}/result?format=txt`)).text()).toBe(undisturbed);
  // Every window that was kept is not read again.
  expect(await runsOf(second)).toBeLessThanOrEqual(windows - kept + 1);
  const events = await (await fetch(`${second.url}/v1/jobs/${id}/events`)).text();
  expect(events.match(/"type":"done"/g)).toHaveLength(1);
  expect((await view(second, id))["attempts"]).toBe(2);
}, 180_000);
