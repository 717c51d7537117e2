import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createHistory } from "../../src/supervisor/state/history.ts";
import { createHistoryStore } from "../../src/supervisor/state/history-store.ts";
import type { HistoryPlace, HistoryStore, KeptEvent } from "../../src/supervisor/state/history-store.ts";
import type { Sample } from "../../src/supervisor/state/series.ts";
import { redisServer, startRedis } from "../support/redis.ts";
import type { RunningRedis } from "../support/redis.ts";

let dir: string;
let redis: RunningRedis;
beforeAll(async () => {
  if (redisServer !== undefined) redis = await startRedis();
});
afterAll(() => redis?.stop());
const stores: HistoryStore[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-history-"));
});
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  rmSync(dir, { recursive: true, force: true });
});

let turn = 0;
const KINDS = [
  { kind: "files", missing: "" },
  { kind: "redis", missing: redisServer === undefined ? " (skipped: redis-server is not installed)" : "" },
] as const;

/** A fresh place of the kind. */
function placeOf(kind: "files" | "redis"): HistoryPlace {
  return kind === "files" ? { kind, dir: join(dir, "h") } : { kind, url: redis.socket, base: `gigastt:test${turn++}` };
}

async function open(place: HistoryPlace, nowMs: () => number = Date.now): Promise<HistoryStore> {
  const store = await createHistoryStore(place, { keepHours: 2, nowMs });
  stores.push(store);
  return store;
}

function event(at: string, name: string): KeptEvent {
  return { at, event: name, level: "info", process: null, text: '{"reason":"ё \\"quoted\\""}' };
}

function sample(at: string): Sample {
  return { at, sessions: 1, waiting: 0, requests: 7, failures: 0, p95Ms: null, rssBytes: 123, restarts: 2 };
}

describe.each(KINDS)("a history in $kind$missing", ({ kind, missing }) => {
  it.skipIf(missing !== "")("gives back what was put in, by kind and time, also to another process", async () => {
    const place = placeOf(kind);
    const store = await open(place);
    const nowMs = Date.now();
    const times = [nowMs - 3000, nowMs - 2000, nowMs - 1000].map((ms) => new Date(ms).toISOString());
    for (const at of times) await store.addEvent(event(at, "died"));
    await store.addSample(sample(times[1] ?? ""));
    const other = await open(place);
    expect(await other.events(0)).toEqual(times.map((at) => event(at, "died")));
    expect((await other.events(nowMs - 2000)).map(({ at }) => at)).toEqual(times.slice(1));
    expect(await other.samples(0)).toEqual([sample(times[1] ?? "")]);
  });

  it.skipIf(missing !== "")("keeps bounds per hour and removes old hours", async () => {
    let nowMs = Date.parse("2026-11-21T10:00:00Z");
    const store = await open(placeOf(kind), () => nowMs);
    await Promise.all(
      Array.from({ length: 510 }, (_, i) => store.addEvent(event(new Date(nowMs + i).toISOString(), `e${i}`))),
    );
    expect((await store.events(0)).map((one) => one.event).slice(0, 1)).toEqual(["e10"]);
    expect(await store.events(0)).toHaveLength(500);
    nowMs += 4 * 3_600_000;
    await store.addEvent(event(new Date(nowMs).toISOString(), "late"));
    expect((await store.events(0)).map((one) => one.event)).toEqual(["late"]);
  });

  it.skipIf(missing !== "")(
    "sums hours up that are over, those of an earlier process too, and keeps the sums for a month",
    async () => {
      let nowMs = Date.parse("2026-11-21T10:00:00Z");
      const place = placeOf(kind);
      const first = await open(place, () => nowMs);
      const live = async (store: HistoryStore, minutes: number): Promise<void> => {
        for (let minute = 0; minute < minutes; minute += 10) {
          await store.addSample({ ...sample(new Date(nowMs).toISOString()), requests: nowMs / 60_000 });
          nowMs += 600_000;
        }
      };
      await live(first, 90);
      const second = await open(place, () => nowMs);
      await live(second, 60);
      expect((await second.spans(0)).map(({ at, requests }) => [at.slice(11, 16), requests])).toEqual([
        ["10:20", 20],
        ["10:50", 30],
        ["11:20", 30],
        ["11:50", 30],
      ]);
      nowMs += 29 * 24 * 3_600_000;
      await live(second, 10);
      expect(await second.samples(0)).toHaveLength(1);
      expect(await second.spans(0)).toHaveLength(5);
      nowMs += 3 * 24 * 3_600_000;
      await live(second, 10);
      expect((await second.spans(0)).map(({ at }) => at.slice(0, 10))).toEqual(["2026-12-20"]);
    },
  );

  it.skipIf(missing !== "")("does not mix appliances that share it", async () => {
    const [one, two] = [
      await open(placeOf(kind)),
      await open(kind === "files" ? { kind, dir: join(dir, "i") } : placeOf(kind)),
    ];
    await one.addEvent(event(new Date().toISOString(), "mine"));
    expect(await two.events(0)).toEqual([]);
  });
});

describe("a history in files", () => {
  it("skips torn files and entries of another shape, and reports a place it cannot write to", async () => {
    const store = await open({ kind: "files", dir: join(dir, "h") });
    const now = new Date().toISOString();
    await store.addEvent(event(now, "good"));
    const file = join(dir, "h", "events", now.slice(0, 13));
    writeFileSync(file, `[${JSON.stringify(event(now, "good"))},7,{"at":1}]`);
    expect(await store.events(0)).toHaveLength(1);
    writeFileSync(file, '[{"at":"2026');
    expect(await store.events(0)).toEqual([]);
    writeFileSync(join(dir, "file"), "");
    const broken = await open({ kind: "files", dir: join(dir, "file") });
    await expect(broken.addEvent(event(now, "x"))).rejects.toThrow();
    expect(await broken.events(0)).toEqual([]);
  });
});

describe(`a history whose Redis goes away${KINDS[1].missing}`, () => {
  const missing = redisServer === undefined;
  it.skipIf(missing)(
    "goes to files, says so, shows both, and returns by itself",
    async () => {
      const place = mkdtempSync(join(tmpdir(), "gigastt-redis-"));
      let server = await startRedis(place);
      const history = createHistory(join(dir, "h"), () => ({ kind: "redis", url: server.socket, base: "gigastt:x" }));
      const say = async (name: string): Promise<void> => {
        history.event({ level: "info", event: name });
        await history.settled();
      };
      const names = async (): Promise<string[]> => (await history.read(0)).events.map((one) => one.event);
      try {
        await say("before");
        expect(history.trouble()).toBeUndefined();
        await server.stop();
        await say("meanwhile");
        expect(history.trouble()).toMatchObject({ place: "redis", kept: true });
        expect(await names()).toEqual(["meanwhile"]);
        server = await startRedis(place);
        for (let i = 0; history.trouble() !== undefined && i < 60; i++) {
          await new Promise((resolve) => setTimeout(resolve, 250));
          await say(`after ${i}`);
        }
        expect(history.trouble()).toBeUndefined();
        expect(await names()).toEqual(expect.arrayContaining(["meanwhile", "after 0"]));
      } finally {
        await history.close();
        await server.stop();
        rmSync(place, { recursive: true, force: true });
      }
    },
    40_000,
  );

  it.skipIf(missing)(
    "and hangs costs one time limit, not one per entry",
    async () => {
      const server = await startRedis();
      const history = createHistory(join(dir, "h"), () => ({ kind: "redis", url: server.socket, base: "gigastt:y" }));
      try {
        history.event({ level: "info", event: "before" });
        await history.settled();
        process.kill(server.pid, "SIGSTOP");
        const startedMs = performance.now();
        for (let i = 0; i < 30; i++) history.event({ level: "error", event: `storm ${i}` });
        await history.settled();
        // Thirty limits would be a minute.
        expect(performance.now() - startedMs).toBeLessThan(20_000);
        expect(history.trouble()).toMatchObject({ place: "redis", kept: true });
      } finally {
        process.kill(server.pid, "SIGCONT");
        await history.close();
        await server.stop();
      }
    },
    40_000,
  );
});

describe("samples in files", () => {
  const FROM_MS = Date.parse("2026-11-21T10:20:00Z");
  const at = (minute: number): string => new Date(FROM_MS + minute * 60_000).toISOString();

  it("are written every ten minutes, at the end of an hour and at the end; readers of this process see them at once", async () => {
    const place = placeOf("files");
    let nowMs = FROM_MS;
    const store = await open(place, () => nowMs);
    const onDisk = async (): Promise<number> => (await (await open(place, () => nowMs)).samples(0)).length;
    const written: number[] = [];
    for (let minute = 0; minute < 45; minute++) {
      nowMs = FROM_MS + minute * 60_000;
      await store.addSample(sample(at(minute)));
      expect(await store.samples(0)).toHaveLength(minute + 1);
      written.push(await onDisk());
    }
    expect([...new Set(written)]).toEqual([1, 11, 21, 31, 41]);
    await store.close();
    expect(await onDisk()).toBe(45);
  });

  it("are not lost while the disk takes nothing, and go to the hour they are of", async () => {
    const place = placeOf("files");
    let nowMs = FROM_MS;
    writeFileSync(join(dir, "h"), "a file where the folder should be");
    const store = await open(place, () => nowMs);
    await expect(store.addSample(sample(at(0)))).rejects.toThrow();
    nowMs += 45 * 60_000;
    rmSync(join(dir, "h"));
    await store.addSample(sample(at(45)));
    const other = await open(place, () => nowMs);
    expect((await other.samples(0)).map((one) => one.at)).toEqual([at(0), at(45)]);
  });

  it("are written at once after the clock was set back", async () => {
    const place = placeOf("files");
    let nowMs = FROM_MS;
    const store = await open(place, () => nowMs);
    await store.addSample(sample(at(0)));
    nowMs -= 5 * 60_000;
    await store.addSample(sample(at(-5)));
    expect(await (await open(place, () => nowMs)).samples(0)).toHaveLength(2);
  });
});
