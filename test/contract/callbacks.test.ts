import { createHmac, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingHttpHeaders, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createCallbacks } from "../../src/runtime/jobs/callbacks.ts";
import type { Callbacks } from "../../src/runtime/jobs/callbacks.ts";
import { createLogger } from "../../src/shared/log.ts";
import { inThisThread } from "../../src/store/jobs/methods.ts";
import { openSqliteJobs } from "../../src/store/jobs/sqlite/open.ts";
import type { JobStore } from "../../src/store/jobs/types.ts";
import { createManualClock } from "../support/manual-clock.ts";

const NO_LIMITS = { unfinishedJobs: 0, activeJobs: 0, audioSecondsPerDay: 0, storedBytes: 0, allUnfinishedJobs: 0 };
const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;
/** A receiver refuses what is older. */
const SKEW_S = 300;
const secretOf = (byte: number): string => `whsec_${Buffer.alloc(32, byte).toString("base64")}`;

/** A receiver that can be away: then nobody listens on its port. */
interface Receiver {
  readonly url: string;
  readonly got: { readonly headers: IncomingHttpHeaders; readonly body: string; readonly path: string }[];
  status: number;
  location: string | undefined;
  down(): Promise<void>;
  up(): Promise<void>;
}

let dir: string;
let store: JobStore;
let server: Server | undefined;
const clock = createManualClock();
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-callbacks-"));
  store = inThisThread(openSqliteJobs(join(dir, "jobs.sqlite"), { nowMs: clock.nowMs }));
});
afterEach(async () => {
  await store.close();
  server?.closeAllConnections();
  server?.close();
  rmSync(dir, { recursive: true, force: true });
});

async function receiver(): Promise<Receiver> {
  let port = 0;
  const self: Receiver = {
    get url() {
      return `http://127.0.0.1:${port}/hook`;
    },
    got: [],
    status: 200,
    location: undefined,
    down: async () => {
      server?.closeAllConnections();
      await new Promise((resolve) => server?.close(resolve));
    },
    up: async () => {
      server = createServer((req, res) => {
        let body = "";
        req.on("data", (chunk: Buffer) => (body += chunk.toString()));
        req.on("end", () => {
          self.got.push({ headers: req.headers, body, path: req.url ?? "" });
          res.writeHead(self.status, self.location === undefined ? {} : { location: self.location }).end();
        });
      });
      await new Promise<void>((resolve) => void server?.listen(port, "127.0.0.1", resolve));
      port = (server.address() as AddressInfo).port; // a TCP server
    },
  };
  await self.up();
  return self;
}

async function doneJob(callbackUrl: string): Promise<string> {
  const id = randomUUID();
  const retention = { audioMs: 0, failedAudioMs: 0, resultMs: 7 * 24 * HOUR_MS };
  const wishes = { priority: "normal", params: "", idempotencyKey: undefined, callbackUrl, retention } as const;
  await store.begin({ id, owner: "a", ...wishes }, NO_LIMITS);
  await store.submit(id, { parts: 1, bytes: 1000, sha256: "a".repeat(64) }, NO_LIMITS);
  const turn = await store.claim("w", "model", 0);
  expect(turn).toMatchObject({ kind: "claimed", id });
  expect(await store.finish(turn!, "[]", 10)).toBe(true);
  return id;
}

function sender(
  secret = secretOf(1),
  networks: readonly string[] = ["127.0.0.0/8"],
): Callbacks & { outcomes: unknown[] } {
  const outcomes: unknown[] = [];
  const log = createLogger({
    level: "info",
    stream: { write: (line: string) => outcomes.push((JSON.parse(line) as { outcome: unknown }).outcome) }, // our own JSON
  });
  const config = (): { callbackSecret: string; callbackNetworks: string[] } => ({
    callbackSecret: secret,
    callbackNetworks: [...networks],
  });
  return { ...createCallbacks({ store, config, clock, log }), outcomes };
}

/** Time goes on as on a server, which looks for due messages every few seconds. */
async function pass(
  ms: number,
  callbacks: Callbacks,
  afterEach = (): void => {},
  stepMs = 5 * SECOND_MS,
): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    await callbacks.send();
    afterEach();
    clock.advance(stepMs);
  }
}

function isSignedBy(secret: string, { headers, body }: Receiver["got"][number]): boolean {
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const signed = `${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${body}`;
  const expected = `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
  return String(headers["webhook-signature"]).split(" ").includes(expected);
}

describe("a callback", () => {
  test("reaches a receiver that was away for an hour: once, with a fresh time, and from seldom tries", async () => {
    const to = await receiver();
    await to.down();
    const id = await doneJob(to.url);
    const callbacks = sender();
    await pass(HOUR_MS, callbacks);
    const triesAway = callbacks.outcomes.length;
    expect(new Set(callbacks.outcomes)).toEqual(new Set(["ECONNREFUSED"]));
    expect(triesAway).toBeGreaterThan(3);
    expect(triesAway).toBeLessThan(12);
    await to.up();
    await pass(2 * HOUR_MS, callbacks);
    expect(callbacks.outcomes.indexOf(200)).toBe(callbacks.outcomes.length - 1);
    const message = to.got.at(-1);
    expect(JSON.parse(message!.body)).toMatchObject({ type: "job.done", data: { job_id: id } });
    expect(isSignedBy(secretOf(1), message!)).toBe(true);
    expect((await store.stats()).pendingCallbacks).toBe(0);
  });

  test("has one id and a time within the tolerance of receivers at every try, and is given up after a day", async () => {
    const to = await receiver();
    to.status = 503;
    await doneJob(to.url);
    const callbacks = sender();
    const agesS: number[] = [];
    const note = (): void => {
      const seen = to.got[agesS.length];
      if (seen !== undefined) agesS.push(clock.nowMs() / 1000 - Number(seen.headers["webhook-timestamp"]));
    };
    await pass(30 * HOUR_MS, callbacks, note, 60 * SECOND_MS);
    expect(new Set(to.got.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    expect(Math.max(...agesS)).toBeLessThan(SKEW_S);
    expect(agesS).toHaveLength(to.got.length);
    const spanS = Number(to.got.at(-1)!.headers["webhook-timestamp"]) - Number(to.got[0]!.headers["webhook-timestamp"]);
    expect(spanS).toBeGreaterThan(12 * 3600);
    expect(spanS).toBeLessThanOrEqual(24 * 3600);
    expect((await store.stats()).pendingCallbacks).toBe(0);
  }, 120_000);

  test("is not sent again to a receiver that wants no more", async () => {
    const to = await receiver();
    to.status = 410;
    await doneJob(to.url);
    const callbacks = sender();
    await pass(HOUR_MS, callbacks);
    expect(callbacks.outcomes.indexOf(410)).toBe(callbacks.outcomes.length - 1);
  });

  test("follows no redirect, whatever its kind and target", async () => {
    const to = await receiver();
    for (const status of [301, 302, 303, 307, 308]) {
      to.status = status;
      to.location = `${to.url}-elsewhere`;
      await doneJob(to.url);
      const callbacks = sender();
      await callbacks.send();
      expect(callbacks.outcomes.at(-1)).toBe(status);
      clock.advance(48 * HOUR_MS);
      await callbacks.send();
    }
    expect(to.got.map(({ path }) => path)).not.toContain("/hook-elsewhere");
  });

  // Every way to write this machine, its neighbours and the addresses of cloud metadata.
  test.each([
    "http://127.0.0.1",
    "http://localhost",
    "http://2130706433",
    "http://0x7f.1",
    "http://0177.0.0.1",
    "http://[::1]",
    "http://[::ffff:127.0.0.1]",
    "http://0.0.0.0",
    "http://[::]",
    "http://10.0.0.1",
    "http://172.16.0.1",
    "http://192.168.0.1",
    "http://169.254.169.254",
    "http://100.64.0.1",
    "http://[fd00::1]",
    "http://[fe80::1]",
    "http://[64:ff9b::7f00:1]",
    "http://[2002:7f00:1::]",
  ])("reaches nothing private: %s", async (origin) => {
    const to = await receiver();
    await doneJob(`${origin}:${new URL(to.url).port}/hook`);
    const callbacks = sender(secretOf(1), []);
    await callbacks.send();
    expect(callbacks.outcomes).toEqual(["private address"]);
    expect(to.got).toEqual([]);
  });
});
