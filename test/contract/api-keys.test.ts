import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { ALL_ROUTES } from "../../src/shared/protocol.ts";
import { scopesFor } from "../../src/shared/api-keys.ts";
import { defaultConfig } from "../../src/config/defaults.ts";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { wavFile } from "../../src/shared/wav.ts";
import { openSqliteJobs } from "../../src/store/jobs/sqlite/open.ts";
import { openKeyStore } from "../../src/store/keys.ts";
import type { KeyRights, KeyStore } from "../../src/store/keys.ts";
import { createPacedEngine } from "../support/paced-engine.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";
import { connect } from "../support/ws-client.ts";

/** API keys over real HTTP and WebSocket. */

let dir: string;
let admin: KeyStore;
const servers: TestServer[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-api-keys-"));
  admin = openKeyStore(join(dir, "keys.sqlite"));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  admin.close();
  rmSync(dir, { recursive: true, force: true });
});

async function start(queryParameter = false): Promise<TestServer> {
  const server = await startTestServer({
    config: {
      auth: { keys: "required", queryParameter },
      metrics: { enabled: true },
      rateLimit: { perMinute: 0 },
    },
    engine: createPacedEngine(),
    keyStore: openKeyStore(join(dir, "keys.sqlite")),
  });
  servers.push(server);
  return server;
}

const keyFor = (rights: Partial<KeyRights> = {}, name = "laptop"): string =>
  admin.create(name, { scopes: ["transcribe", "live"], ...rights }, Date.now()).reveal();
const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });
const post = (url: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/v1/transcribe`, {
    method: "POST",
    body: wavSecond(),
    headers: { "content-type": "audio/wav", ...headers },
  });
const codeOf = async (response: Response): Promise<unknown> => [
  response.status,
  ((await response.json()) as { code?: unknown }).code,
];
/** Until a change of the store is seen: within a second. */
const seen = async (check: () => Promise<boolean> | boolean): Promise<void> => {
  const untilMs = Date.now() + 1000;
  while (!(await check())) {
    if (Date.now() > untilMs) throw new Error("a change of the store was not seen within a second");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

describe("without keys", () => {
  it("nothing is asked for", async () => {
    const server = await startTestServer({ engine: createPacedEngine() });
    servers.push(server);
    expect((await post(server.url)).status).toBe(200);
    expect((await post(server.url, bearer("anything"))).status).toBe(200);
  });
});

describe("with keys required", () => {
  it("every route of the table but probes and pages refuses a request without a key", async () => {
    const { url } = await start();
    const served = ALL_ROUTES.filter(({ traffic }) => traffic !== "websocket");
    for (const route of served) {
      const path = route.path.replaceAll(/\{\w+\}/g, "x");
      const response = await fetch(url + path, { method: route.methods[0]! });
      await response.arrayBuffer();
      if (scopesFor(route) === undefined) expect(response.status, path).not.toBe(401);
      // A face whose handler is still missing answers 404 or 405.
      else expect([401, 404, 405], path).toContain(response.status);
    }
    expect(await codeOf(await post(url))).toEqual([401, "invalid_api_key"]);
    expect((await post(url)).headers.get("www-authenticate")).toBe('Bearer realm="gigastt"');
  });

  it("accepts a key as Bearer and as the password of Basic, refuses a wrong, an expired and a revoked one alike", async () => {
    const { url, lines } = await start();
    const key = keyFor();
    const old = keyFor({ expiresAtMs: Date.now() - 1 }, "old");
    await seen(async () => (await post(url, bearer(key))).status === 200);
    const basic = { authorization: `Basic ${Buffer.from(`anna:${key}`).toString("base64")}` };
    expect((await post(url, basic)).status).toBe(200);
    for (const wrong of [old, `${key}0`, key.slice(0, -1), key.toUpperCase(), "", "gst_"])
      expect(await codeOf(await post(url, bearer(wrong))), wrong).toEqual([401, "invalid_api_key"]);
    admin.revoke("laptop");
    await seen(async () => (await post(url, bearer(key))).status === 401);
    expect(JSON.stringify(lines)).not.toContain(key.slice(4, 20));
    expect(lines.some(({ event, msg, key: name }) => (event ?? msg) === "request_end" && name === "laptop")).toBe(true);
  });

  it("a key in the URL counts only where it is allowed, and the refusal says so", async () => {
    const key = keyFor();
    const strict = await start();
    const refused = await fetch(`${strict.url}/v1/models?api_key=${key}`);
    expect(refused.status).toBe(401);
    expect(await refused.text()).toContain("an API key in the URL is not accepted");
    const open = await start(true);
    expect((await fetch(`${open.url}/v1/models?api_key=${key}`)).status).toBe(200);
    expect(JSON.stringify([...strict.lines, ...open.lines])).not.toContain(key);
  });

  it("scopes decide which routes a key opens", async () => {
    const { url } = await start();
    const live = keyFor({ scopes: ["live"] }, "live");
    const metrics = keyFor({ scopes: ["metrics"] }, "metrics");
    await seen(async () => (await fetch(`${url}/metrics`, { headers: bearer(metrics) })).status === 200);
    expect(await codeOf(await post(url, bearer(live)))).toEqual([403, "insufficient_scope"]);
    expect(await codeOf(await fetch(`${url}/metrics`, { headers: bearer(live) }))).toEqual([403, "insufficient_scope"]);
    expect((await fetch(`${url}/v1/models`, { headers: bearer(live) })).status).toBe(200);
    await expect(connect(`${url.replace("http", "ws")}/v1/ws`, { headers: bearer(metrics) })).rejects.toThrow("403");
  });

  it("limits requests a minute and requests at once, by key", async () => {
    const { url } = await start();
    const slow = keyFor({ requestsPerMinute: 6 }, "slow");
    const single = keyFor({ concurrent: 1 }, "single");
    await seen(async () => (await fetch(`${url}/v1/models`, { headers: bearer(single) })).status === 200);
    expect((await post(url, bearer(slow))).status).toBe(200);
    const refused = await post(url, bearer(slow));
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(5);
    expect(await codeOf(refused)).toEqual([429, "rate_limit_exceeded"]);
    const client = await connect(`${url.replace("http", "ws")}/v1/ws`, { headers: bearer(single) });
    expect(await codeOf(await post(url, bearer(single)))).toEqual([429, "too_many_connections"]);
    client.socket.close();
    await seen(async () => (await post(url, bearer(single))).status === 200);
    // A refused request holds no place.
    expect((await post(url, bearer(single))).status).toBe(200);
  });
});

describe("live sessions", () => {
  it("take the key as a subprotocol, confirm the other one, and never the key", async () => {
    const { url } = await start();
    const key = keyFor();
    await seen(async () => (await post(url, bearer(key))).status === 200);
    for (const prefix of ["gigastt-api-key.", "openai-insecure-api-key."]) {
      const socket = new WebSocket(`${url.replace("http", "ws")}/v1/ws`, [`${prefix}${key}`, "gigastt"]);
      await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
      expect(socket.protocol).toBe("gigastt");
      socket.terminate();
    }
    const wrong = new WebSocket(`${url.replace("http", "ws")}/v1/ws`, [`gigastt-api-key.${key}1`, "gigastt"]);
    await expect(new Promise((resolve, reject) => wrong.once("open", resolve).once("error", reject))).rejects.toThrow(
      "401",
    );
  });

  it("end within a second when their key is revoked or expires, and not those of other keys", async () => {
    const { url } = await start();
    const [revoked, expiring, other] = [
      keyFor(),
      keyFor({ expiresAtMs: Date.now() + 1500 }, "expiring"),
      keyFor({}, "other"),
    ];
    await seen(async () => (await post(url, bearer(other))).status === 200);
    const sockets = await Promise.all(
      [revoked, expiring, other].map((key) => connect(`${url.replace("http", "ws")}/v1/ws`, { headers: bearer(key) })),
    );
    for (const { audio } of sockets) audio(new Uint8Array(3200));
    admin.revoke("laptop");
    const since = Date.now();
    expect(await sockets[0]!.closed).toEqual({ code: 1008, reason: "invalid_api_key" });
    expect(Date.now() - since).toBeLessThan(1000);
    expect(sockets[0]!.received.map(({ type }) => type)).toContain("error");
    expect((await sockets[1]!.closed).reason).toBe("invalid_api_key");
    expect(sockets[2]!.socket.readyState).toBe(1);
  });

  it.each([
    ["Realtime", (http: string) => `${http}/v1/realtime?intent=transcription`],
    ["Vosk", (_http: string, vosk: string) => `${vosk}/`],
  ])("end within a second of the revocation on %s too", async (_name, address) => {
    const server = await start();
    const { port } = await server.runtime.listenFor("vosk", { host: "127.0.0.1", port: 0 });
    const key = keyFor();
    await seen(async () => (await post(server.url, bearer(key))).status === 200);
    const url = address(server.url.replace("http", "ws"), `ws://127.0.0.1:${port}`);
    const socket = new WebSocket(url, { headers: bearer(key) });
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    const closed = new Promise<number>((resolve) => socket.once("close", resolve));
    admin.revoke("laptop");
    const since = Date.now();
    expect(await closed).toBe(1008);
    expect(Date.now() - since).toBeLessThan(1000);
  });
});

describe("minutes of audio a day", () => {
  it("count for jobs too: a job whose key has none left is handed back until the next day, others go on", async () => {
    const key = keyFor({ scopes: ["jobs"], audioMinutesPerDay: 0.05 });
    const other = keyFor({ scopes: ["jobs"] }, "other");
    const jobsDir = join(dir, "jobs");
    const today = new Date().toISOString().slice(0, 10);
    const used = (name: string): number => {
      const { id: number } = admin.list().find((known) => known.name === name)!;
      return admin.usedOn(today).get(number) ?? 0;
    };
    // The later windows take until the first ones are counted, on any machine.
    const counted = async (): Promise<void> => {
      while (used("laptop") < 3000) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    const server = await startTestServer({
      jobsDir,
      config: {
        auth: { keys: "required" },
        rateLimit: { perMinute: 0 },
        jobs: { ...defaultConfig.jobs, enabled: true, diskReserveBytes: 0 },
      },
      engine: createFakeEngine({ onWindow: (number) => (number > 2 ? counted() : undefined) }),
      keyStore: openKeyStore(join(dir, "keys.sqlite")),
    });
    servers.push(server);
    // Four minutes of words and pauses: many windows, of which three are under way at once.
    const second = new Uint8Array(wavSecond()).subarray(44);
    const silence = new Uint8Array(second.length);
    const pcm = Buffer.concat(Array.from({ length: 120 }, () => [second, silence]).flat());
    const audio = wavFile(new Int16Array(new Uint8Array(pcm).buffer));
    const submit = async (as: string): Promise<string> => {
      const made = await fetch(`${server.url}/v1/jobs`, { method: "POST", body: audio, headers: bearer(as) });
      expect(made.status).toBe(202);
      return ((await made.json()) as { job_id: string }).job_id;
    };
    const [id, second_] = [await submit(key), await submit(key)];
    const store = openSqliteJobs(join(jobsDir, "jobs.sqlite"));
    try {
      const rests = (job: string): boolean => {
        const { state, attempts, notBeforeMs } = store.get(job)!;
        return state === "queued" && attempts === 0 && new Date(notBeforeMs).toISOString().endsWith("T00:00:00.000Z");
      };
      // The first may be done before its audio is counted.
      await expect.poll(() => rests(id) || store.get(id)!.state === "done", { timeout: 30_000 }).toBe(true);
      await expect.poll(() => rests(second_) && store.get(second_)!.notBeforeMs > 0, { timeout: 30_000 }).toBe(true);
      expect(await codeOf(await fetch(`${server.url}/v1/jobs`, { headers: bearer(key) }))).toEqual([
        429,
        "quota_exceeded",
      ]);
      const free = await submit(other);
      await expect.poll(() => store.get(free)!.state, { timeout: 30_000 }).toBe("done");
    } finally {
      store.close();
    }
    await expect.poll(() => used("other")).toBeCloseTo(240_000, -3);
    expect(used("laptop")).toBeGreaterThanOrEqual(3000);
    expect(used("laptop")).toBeLessThanOrEqual(240_000);
  });

  it("end a session when they are used up, refuse the next with the time, and survive a restart and a hand-over", async () => {
    const first = await start();
    const key = keyFor({ audioMinutesPerDay: 0.05 });
    await seen(async () => (await fetch(`${first.url}/v1/models`, { headers: bearer(key) })).status === 200);
    const session = await connect(`${first.url.replace("http", "ws")}/v1/ws`, { headers: bearer(key) });
    session.send({ type: "configure", sample_rate: 16_000 });
    for (let i = 0; i < 8; i++) session.audio(new Uint8Array(16_000));
    expect((await session.closed).reason).toBe("quota_exceeded");
    // The second runtime of a hand-over knows what the first has counted.
    const second = await start();
    await seen(async () => (await post(second.url, bearer(key))).status === 429);
    for (const { url } of [first, second]) {
      const refused = await post(url, bearer(key));
      const body = (await refused.json()) as { error: string; code: string };
      expect([refused.status, body.code]).toEqual([429, "quota_exceeded"]);
      expect(body.error).toMatch(
        /the key laptop has used its 0\.05 minutes of audio for today; it works again at \d{4}-\d\d-\d\dT00:00:00\.000Z/,
      );
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    }
    for (const server of servers.splice(0)) await server.close();
    expect(await codeOf(await post((await start()).url, bearer(key)))).toEqual([429, "quota_exceeded"]);
  });
});

/** One second of silence. */
function wavSecond(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(44 + 32_000);
  const view = new DataView(bytes.buffer);
  const text = (at: number, word: string): void => {
    for (let i = 0; i < word.length; i++) view.setUint8(at + i, word.charCodeAt(i));
  };
  text(0, "RIFF");
  view.setUint32(4, 36 + 32_000, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, 16_000, true);
  view.setUint32(28, 32_000, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 32_000, true);
  return bytes;
}
