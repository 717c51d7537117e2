import * as fc from "fast-check";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { distFile } from "../../../src/shared/process/entry.ts";
import { copyJobs } from "../../../src/store/backup.ts";
import type { StoreCopy } from "../../../src/store/backup.ts";
import { createFileBlobs, createPartWriter, readParts } from "../../../src/store/blobs/files.ts";
import { inThisThread } from "../../../src/store/jobs/methods.ts";
import type { JobPlace } from "../../../src/store/jobs/place.ts";
import { openSqliteJobs } from "../../../src/store/jobs/sqlite/open.ts";
import type { Quotas } from "../../../src/store/jobs/types.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "gigastt-jobs-backup-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const NO_LIMITS: Quotas = {
  unfinishedJobs: 0,
  activeJobs: 0,
  audioSecondsPerDay: 0,
  storedBytes: 0,
  allUnfinishedJobs: 0,
};
const ROOM = 2 ** 28;

function placeIn(dir: string): JobPlace {
  return { dir, databaseFile: join(dir, "jobs.sqlite"), audioDir: join(dir, "audio") };
}
function putBack(copies: readonly StoreCopy[]): JobPlace {
  const place = placeIn(mkdtempSync(join(root, "restored-")));
  for (const { name, bytes } of copies) {
    mkdirSync(dirname(join(place.dir, name)), { recursive: true });
    writeFileSync(join(place.dir, name), bytes);
  }
  return place;
}
async function audioIn(place: JobPlace, id: string, parts: number): Promise<Buffer> {
  const read: Uint8Array[] = [];
  for await (const part of readParts(createFileBlobs(place.audioDir), id, parts)) read.push(part);
  return Buffer.concat(read);
}
const draftOf = (id: string) => ({
  id,
  owner: "a",
  priority: "normal" as const,
  params: "format=srt",
  idempotencyKey: undefined,
  callbackUrl: undefined,
  retention: { audioMs: 0, failedAudioMs: 1e9, resultMs: 1e9 },
});

describe("a backup of jobs", () => {
  it("has every job that was acknowledged: waiting and running ones with their audio and windows, ended ones with their result", async () => {
    const steps = fc.array(
      fc.constantFrom("submit", "submit", "upload", "claim", "commit", "finish", "fail", "cancel"),
      {
        minLength: 5,
        maxLength: 40,
      },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const place = placeIn(mkdtempSync(join(root, "jobs-")));
        const store = inThisThread(openSqliteJobs(place.databaseFile));
        const blobs = createFileBlobs(place.audioDir);
        const audio = new Map<string, Buffer>();
        const running: { id: string; token: number }[] = [];
        for (const [n, step] of list.entries()) {
          if (step === "submit" || step === "upload") {
            const id = randomUUID();
            const bytes = randomBytes(100 + n);
            await store.begin(draftOf(id), NO_LIMITS);
            const writer = createPartWriter(blobs, id);
            await writer.write(bytes);
            await writer.flush();
            if (step === "upload") continue;
            await store.submit(id, { ...writer.stored, sha256: "a" }, NO_LIMITS);
            audio.set(id, bytes);
          } else if (step === "claim") {
            const turn = await store.claim("w", "model", 0);
            if (turn !== undefined) running.push(turn);
          } else if (step === "cancel") {
            const id = [...audio.keys()][n % Math.max(1, audio.size)];
            if (id !== undefined) await store.cancel(id);
          } else {
            const claim = step === "commit" ? running[0] : running.shift();
            if (claim === undefined) continue;
            if (step === "commit") await store.commit(claim, { readings: ["r"], doneS: n, totalS: 99 });
            else if (step === "finish") await store.finish(claim, `"${claim.id}"`, 99);
            else await store.fail(claim, { code: "x", message: "x" }, true);
          }
        }
        const restored = putBack(copyJobs(place, ROOM));
        const copy = inThisThread(openSqliteJobs(restored.databaseFile));
        for (const [id, bytes] of audio) {
          const [was, is] = [await store.get(id), await copy.get(id)];
          const wasOpen = was!.state === "queued" || was!.state === "active";
          expect(is?.state).toBe(wasOpen ? "queued" : was!.state);
          expect(is!.doneS).toBe(was!.doneS);
          expect(await copy.result(id)).toBe(await store.result(id));
          expect(is!.hasAudio).toBe(wasOpen);
          if (!wasOpen) continue;
          expect(is!.attempts).toBe(was!.state === "active" ? was!.attempts - 1 : was!.attempts);
          expect((await audioIn(restored, id, is!.audioParts)).equals(bytes)).toBe(true);
        }
        expect((await copy.list({ limit: 1000 })).length).toBe(audio.size);
        await Promise.all([store.close(), copy.close()]);
      }),
      { numRuns: 15 },
    );
  }, 60_000);

  it("is consistent while a server submits, finishes and deletes", async () => {
    const place = placeIn(join(root, "busy"));
    openSqliteJobs(place.databaseFile).close();
    const [open, files] = ["store/jobs/sqlite/open.js", "store/blobs/files.js"].map((path) => distFile(path).href);
    const worker = new Worker(
      `import { openSqliteJobs } from ${JSON.stringify(open)};
       import { createFileBlobs } from ${JSON.stringify(files)};
       import { randomUUID } from "node:crypto";
       import { parentPort, workerData } from "node:worker_threads";
       const { place, limits, draft } = workerData;
       const store = openSqliteJobs(place.databaseFile);
       const blobs = createFileBlobs(place.audioDir);
       let goesOn = true;
       parentPort.on("message", () => { goesOn = false; });
       while (goesOn) {
         const id = randomUUID();
         store.begin({ ...draft, id }, limits);
         await blobs.write(id, 0, Buffer.from(id));
         store.submit(id, { parts: 1, bytes: 36, sha256: "a" }, limits);
         if (store.stats().queued < 4) continue;
         const turn = store.claim("w", "m", 0);
         store.finish(turn, "1", 1);
         await blobs.remove(turn.id);
         await new Promise((resolve) => setTimeout(resolve, 30));
         store.buried(turn.id);
       }
       store.close();
       parentPort.close();`,
      { eval: true, workerData: { place, limits: NO_LIMITS, draft: draftOf("") }, execArgv: ["--input-type=module"] },
    );
    const ended = new Promise((resolve, reject) => worker.once("exit", resolve).once("error", reject));
    let waiting = 0;
    try {
      for (let round = 0; round < 30; round++) {
        const restored = putBack(copyJobs(place, ROOM));
        const copy = openSqliteJobs(restored.databaseFile);
        for (const job of copy.list({ states: ["queued"], limit: 100 })) {
          waiting++;
          expect(String(await audioIn(restored, job.id, job.audioParts))).toBe(job.id);
        }
        copy.close();
      }
    } finally {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage("stop");
      await ended;
    }
    expect(waiting).toBeGreaterThan(0);
  }, 60_000);

  it("that would be too large is refused with a cure", async () => {
    const place = placeIn(join(root, "large"));
    const store = openSqliteJobs(place.databaseFile);
    const id = randomUUID();
    store.begin(draftOf(id), NO_LIMITS);
    store.submit(id, { parts: 1, bytes: 2 ** 28, sha256: "a" }, NO_LIMITS);
    store.close();
    expect(() => copyJobs(place, ROOM)).toThrow(
      /^the jobs have \d+ MB with the audio of 1 unfinished ones, and a backup has room for 256 MB\. .*--without-jobs$/,
    );
  });
});
