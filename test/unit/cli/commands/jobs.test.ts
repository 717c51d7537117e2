import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSqliteJobs } from "../../../../src/store/jobs/sqlite/open.ts";
import type { SyncJobStore } from "../../../../src/store/jobs/methods.ts";
import type { ClaimedJob, Quotas } from "../../../../src/store/jobs/types.ts";
import { runLine } from "../_run.ts";
import type { Outcome } from "../_run.ts";

const NO_LIMITS: Quotas = {
  unfinishedJobs: 0,
  activeJobs: 0,
  audioSecondsPerDay: 0,
  storedBytes: 0,
  allUnfinishedJobs: 0,
};
const WORDS = "скажи привет";

let dir: string;
let store: SyncJobStore | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-jobs-cli-"));
  writeFileSync(join(dir, "gigastt.config.yaml"), `jobs: { enabled: true, dir: ${join(dir, "jobs")} }\n`);
});
afterEach(() => {
  store?.close();
  store = undefined;
  rmSync(dir, { recursive: true, force: true });
});

const jobs = (...argv: string[]): Promise<Outcome> => runLine(["jobs", ...argv], { cwd: dir, env: { HOME: dir } });

function opened(): SyncJobStore {
  mkdirSync(join(dir, "jobs", "audio"), { recursive: true });
  return (store ??= openSqliteJobs(join(dir, "jobs", "jobs.sqlite")));
}

/** Queues a job. */
function queue(id: string, owner = "key 1"): string {
  opened().begin(
    {
      id,
      owner,
      priority: "normal",
      params: "",
      idempotencyKey: undefined,
      callbackUrl: "https://example.com/?token=secret",
      retention: { audioMs: 0, failedAudioMs: 60_000, resultMs: 600_000 },
    },
    NO_LIMITS,
  );
  opened().submit(id, { parts: 1, bytes: 3, sha256: id }, NO_LIMITS);
  const audio = join(dir, "jobs", "audio", id);
  mkdirSync(audio);
  writeFileSync(join(audio, "0000"), "abc");
  return id;
}
function take(): ClaimedJob {
  const turn = opened().claim("w", "r", 0);
  if (turn?.kind !== "claimed") throw new Error("no job is queued");
  return turn;
}
const finish = (): boolean => opened().finish(take(), JSON.stringify([{ text: WORDS, words: [], durationS: 2 }]), 2);
const fail = (): boolean => opened().fail(take(), { code: "invalid_audio", message: "broken" }, true);

describe("gigastt jobs", () => {
  it("says how to turn jobs on, and makes no store", async () => {
    expect(await jobs("list")).toMatchObject({ code: 1, stderr: expect.stringContaining("Start the server once") });
    writeFileSync(join(dir, "gigastt.config.yaml"), `jobs: { dir: ${join(dir, "jobs")} }\n`);
    expect((await jobs("list")).stderr).toContain("jobs.enabled: true");
    expect(existsSync(join(dir, "jobs"))).toBe(false);
  });

  it("lists by state and owner, and shows no transcript and no callback", async () => {
    queue("aaaa-1");
    finish();
    queue("bbbb-2", "key 2");
    const all = await jobs("list", "--json");
    const listed = JSON.parse(all.stdout) as { jobs: { id: string }[]; stats: unknown };
    expect(listed.jobs.map(({ id }) => id).sort()).toEqual(["aaaa-1", "bbbb-2"]);
    expect(listed.stats).toMatchObject({ queued: 1 });
    expect((await jobs("list", "--state", "queued")).stdout).not.toContain("aaaa-1");
    expect((await jobs("list", "--owner", "key 2")).stdout).not.toContain("aaaa-1");
    const shown = await jobs("show", "aaaa", "--json");
    expect(shown.code).toBe(0);
    for (const { stdout } of [all, shown, await jobs("list"), await jobs("show", "aaaa")])
      expect(stdout).not.toMatch(/token=secret|привет/);
    expect((await jobs("list", "--limit", "0")).code).toBe(2);
  });

  it("exports a finished job in the wanted format, and refuses another", async () => {
    queue("aaaa-1");
    expect(await jobs("export", "aaaa-1")).toMatchObject({ code: 1, stderr: expect.stringContaining("it is queued") });
    finish();
    expect(await jobs("export", "aaaa-1")).toMatchObject({ code: 0, stdout: expect.stringContaining(WORDS) });
    expect(JSON.parse((await jobs("export", "aaaa-1", "--format", "json")).stdout)).toMatchObject({ text: WORDS });
    expect((await jobs("export", "aaaa-1", "--format", "doc")).code).toBe(2);
  });

  it("asks for a longer id when two jobs begin so, and says that none does", async () => {
    queue("aaaa-1");
    queue("aaaa-2");
    expect((await jobs("show", "aaaa")).stderr).toContain("2 jobs have ids that begin with aaaa");
    expect((await jobs("show", "zzzz")).stderr).toContain("no job has the id zzzz");
  });

  it("cancels and retries what can be, and exits with 1 for the rest", async () => {
    queue("aaaa-1");
    fail();
    queue("bbbb-2");
    expect(await jobs("retry", "aaaa-1")).toMatchObject({ code: 0, stdout: "aaaa-1 queued again\n" });
    const cancelled = await jobs("cancel", "bbbb-2", "aaaa-1");
    expect(cancelled).toMatchObject({ code: 0, stdout: "bbbb-2 cancelled\naaaa-1 cancelled\n" });
    expect(await jobs("cancel", "bbbb-2")).toMatchObject({ code: 1, stderr: expect.stringContaining("has ended") });
    expect(await jobs("retry", "bbbb-2")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("cannot be retried"),
    });
  });

  it("deletes the jobs of one owner in one state with their audio, and no other", async () => {
    queue("aaaa-1");
    fail();
    queue("bbbb-2");
    queue("cccc-3", "key 2");
    expect((await jobs("purge")).code).toBe(2);
    expect((await jobs("purge", "--owner", "key 1", "--state", "failed")).stdout).toBe("aaaa-1 deleted\n");
    expect(existsSync(join(dir, "jobs", "audio", "aaaa-1"))).toBe(false);
    expect(opened().get("aaaa-1")).toBeUndefined();
    expect(opened().list({ limit: 9 })).toHaveLength(2);
    expect(existsSync(join(dir, "jobs", "audio", "cccc-3"))).toBe(true);
  });
});
