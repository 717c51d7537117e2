import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { request } from "undici";
import { wavFile } from "../../src/shared/wav.ts";
import { openKeyStore } from "../../src/store/keys.ts";
import type { KeyRights, KeyStore } from "../../src/store/keys.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { createPacedEngine } from "../support/paced-engine.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";
import { connect } from "../support/ws-client.ts";

/** The sign-in of the console, as a browser and as an attacker's page see it. */

const SECOND = Buffer.from(wavFile(new Int16Array(16_000)));

let dir: string;
let admin: KeyStore;
const servers: TestServer[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-sign-in-"));
  admin = openKeyStore(join(dir, "keys.sqlite"));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  admin.close();
  rmSync(dir, { recursive: true, force: true });
});

type Start = Pick<NonNullable<Parameters<typeof startTestServer>[0]>, "clock" | "config">;
async function start({ config, ...options }: Start = {}): Promise<TestServer> {
  const server = await startTestServer({
    config: { auth: { keys: "required" }, rateLimit: { perMinute: 0 }, ...config },
    engine: createPacedEngine(),
    keyStore: openKeyStore(join(dir, "keys.sqlite")),
    ...options,
  });
  servers.push(server);
  return server;
}

const keyFor = (rights: Partial<KeyRights> = {}, name = "laptop"): string =>
  admin.create(name, { scopes: ["transcribe", "live"], ...rights }, Date.now()).reveal();

interface Answer {
  readonly status: number;
  readonly cookie: string | undefined;
  readonly setCookie: string;
  readonly json: Record<string, unknown>;
}
type Headers = Readonly<Record<string, string>>;

async function ask(
  { url }: TestServer,
  method: "GET" | "POST" | "DELETE",
  path: string,
  headers: Headers = {},
  body?: Buffer,
): Promise<Answer> {
  const answer = await request(`${url}${path}`, { method, headers: { ...headers }, ...(body && { body }) });
  const setCookie = String(answer.headers["set-cookie"] ?? "");
  const text = await answer.body.text();
  return {
    status: answer.statusCode,
    setCookie,
    cookie: /^([^;]+=[^;]+)/.exec(setCookie)?.[1],
    json: text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {},
  };
}
const bearer = (key: string): Headers => ({ authorization: `Bearer ${key}` });
/** What the server's own page sends on a plain-HTTP address of the home network, and on localhost. */
const page = ({ url }: TestServer): Headers => ({ origin: url });
const signIn = (server: TestServer, key: string, headers: Headers = {}): Promise<Answer> =>
  ask(server, "POST", "/console/session", { ...page(server), ...bearer(key), ...headers });
/** Signs in with a key that the server may only learn of in a moment. */
async function signedIn(server: TestServer, key: string): Promise<string> {
  let answer = await signIn(server, key);
  await expect.poll(async () => (answer = await signIn(server, key)).status).toBe(200);
  return answer.cookie ?? "";
}
const models = (server: TestServer, headers: Headers): Promise<Answer> => ask(server, "GET", "/v1/models", headers);
const upload = (server: TestServer, headers: Headers): Promise<Answer> =>
  ask(server, "POST", "/v1/transcribe", { "content-type": "audio/wav", ...headers }, SECOND);

describe("without keys", () => {
  it("the page learns that it needs no sign-in", async () => {
    const server = await startTestServer({ engine: createPacedEngine() });
    servers.push(server);
    const { status, json } = await ask(server, "GET", "/console/session");
    expect([status, json]).toEqual([200, { required: false, operator: true, key: null, expires_at: null }]);
    expect((await signIn(server, "gst_x")).status).toBe(400);
    expect((await ask(server, "DELETE", "/console/session", page(server))).status).toBe(204);
  });
});

describe("sign-in", () => {
  it("gives a cookie that no program of the page can read and no other site can send, and it stands for the key", async () => {
    const server = await start();
    const key = keyFor();
    const cookie = await signedIn(server, key);
    const { setCookie, json } = await signIn(server, key);
    expect(setCookie.replace(/=[\w-]{43};/, "=T;")).toBe(
      `gigastt-${server.port}-9876=T; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict`,
    );
    expect(json).toMatchObject({ required: true, key: { name: "laptop", scopes: ["transcribe", "live"] } });
    expect((await models(server, { cookie })).status).toBe(200);
    expect((await upload(server, { cookie, ...page(server) })).status).toBe(200);
    const socket = await connect(`${server.url.replace("http", "ws")}/v1/ws`, { headers: { cookie, ...page(server) } });
    expect((await socket.next()).type).toBe("ready");
    socket.socket.close();
    const session = await ask(server, "GET", "/console/session", { cookie });
    expect(session.json["key"]).toEqual({ name: "laptop", scopes: ["transcribe", "live"] });
    // Scopes are the key's.
    expect((await ask(server, "GET", "/v1/jobs", { cookie })).status).toBe(403);
    expect(JSON.stringify(server.lines)).not.toContain(cookie.split("=")[1]);
  });

  it("is Secure and bound to this very host under TLS, where a cookie without that is not read", async () => {
    const server = await start();
    const key = keyFor();
    const plain = await signedIn(server, key);
    const https = { origin: server.url.replace("http", "https"), "x-forwarded-proto": "https" };
    const { setCookie, cookie = "" } = await signIn(server, key, https);
    expect(setCookie.replace(`-${server.port}-9876`, "")).toMatch(
      /^__Host-gigastt=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure$/,
    );
    expect((await models(server, { cookie, "x-forwarded-proto": "https" })).status).toBe(200);
    expect((await models(server, { cookie: plain, "x-forwarded-proto": "https" })).status).toBe(401);
    // A second cookie of that name was planted by a neighbour.
    expect((await models(server, { cookie: `${plain}; ${plain}` })).status).toBe(401);
  });

  it.each([
    ["a page of another site", { origin: "https://evil.example" }, 403],
    ["a page of another port of this machine", { origin: "http://127.0.0.1:1" }, 403],
    ["a page that the browser calls a sibling", { "sec-fetch-site": "same-site" }, 403],
    ["a sandboxed frame", { origin: "null" }, 403],
  ])("refuses %s", async (_name, headers, status) => {
    const server = await start();
    const key = keyFor();
    await signedIn(server, key);
    const { setCookie, ...answer } = await signIn(server, key, headers);
    expect([answer.status, setCookie]).toEqual([status, ""]);
  });

  it("refuses programs, wrong keys and expired ones", async () => {
    const server = await start();
    const key = keyFor();
    const old = keyFor({ expiresAtMs: Date.now() - 1 }, "old");
    await signedIn(server, key);
    expect((await ask(server, "POST", "/console/session", bearer(key))).status).toBe(403);
    for (const wrong of [old, `${key}0`, "", "gst_"]) expect((await signIn(server, wrong)).status, wrong).toBe(401);
    expect((await ask(server, "POST", "/console/session", page(server))).status).toBe(401);
  });

  it("never takes over a token that the browser brought", async () => {
    const server = await start();
    const key = keyFor();
    const planted = await signedIn(server, key);
    const { cookie } = await signIn(server, key, { cookie: planted });
    expect(cookie).not.toBe(planted);
    expect((await models(server, { cookie: planted })).status).toBe(401);
    const made = `gigastt-${server.port}-9876=${"A".repeat(43)}`;
    expect((await signIn(server, key, { cookie: made })).cookie).not.toBe(made);
    expect((await models(server, { cookie: made })).status).toBe(401);
  });

  it.each([
    ["on two ports", {}],
    ["on two paths of one proxy", { host: "home", origin: "http://home" }],
  ])("of two servers on one host are kept apart: %s", async (_name, address) => {
    const [one, two] = [await start(), await start({ config: { server: { port: 9877 } } })];
    const key = keyFor();
    for (const server of [one, two]) await signedIn(server, key);
    const cookies = [await signIn(one, key, address), await signIn(two, key, address)].map(
      ({ cookie }) => cookie ?? "",
    );
    const names = cookies.map((cookie) => cookie.split("=")[0]);
    expect(new Set(names).size).toBe(2);
    // The browser sends both to both.
    const cookie = cookies.join("; ");
    for (const server of [one, two]) expect((await models(server, { cookie, ...address })).status).toBe(200);
  });

  it("holds across processes: a hand-over asks nobody to sign in again", async () => {
    const [first, second] = [await start(), await start()];
    const cookie = await signedIn(first, keyFor());
    const sameAddress = { host: new URL(first.url).host };
    await expect.poll(async () => (await models(second, { cookie, ...sameAddress })).status).toBe(200);
    await ask(first, "DELETE", "/console/session", { cookie, ...page(first) });
    await expect.poll(async () => (await models(second, { cookie })).status).toBe(401);
  });
});

describe("a cookie counts for the server's own page only", () => {
  it.each([
    ["another port of this machine", { origin: "http://127.0.0.1:1" }],
    ["a sibling, as the browser says", { "sec-fetch-site": "same-site" }],
    ["another site, as the browser says", { "sec-fetch-site": "cross-site" }],
    ["a form without an origin", {}],
  ])("not for %s", async (_name, headers) => {
    const server = await start();
    const cookie = await signedIn(server, keyFor({ scopes: ["transcribe", "live", "admin"] }));
    expect((await upload(server, { cookie, ...headers })).status).toBe(401);
    await expect(
      connect(`${server.url.replace("http", "ws")}/v1/ws`, { headers: { cookie, ...headers } }),
    ).rejects.toThrow("401");
    await ask(server, "DELETE", "/console/session", { cookie, ...headers });
    expect((await models(server, { cookie })).status).toBe(200);
  });

  it("not for a page that CORS allows: it sends a key of its own", async () => {
    const server = await start({ config: { server: { allowedOrigins: ["https://app.example"] } } });
    const cookie = await signedIn(server, keyFor());
    expect((await upload(server, { cookie, origin: "https://app.example" })).status).toBe(401);
  });

  it("for the page behind a proxy that drops the port from Host, where its origin is listed", async () => {
    const server = await start({ config: { server: { allowedOrigins: ["http://box:8080"] } } });
    const key = keyFor();
    await signedIn(server, key);
    const { cookie = "" } = await signIn(server, key, { host: "box", origin: "http://box:8080" });
    const behind = { cookie, host: "box" };
    expect((await upload(server, { ...behind, origin: "http://box:8080" })).status).toBe(200);
    expect((await upload(server, { ...behind, origin: "http://localhost:8080" })).status).toBe(401);
  });
});

describe("the end of a sign-in", () => {
  const ends = {
    "sign-out": (server: TestServer, cookie: string) =>
      ask(server, "DELETE", "/console/session", { cookie, ...page(server) }),
    revocation: () => admin.revoke("laptop"),
    "a new value of the key": () => admin.rotate("laptop", Date.now()),
  };
  it.each(Object.entries(ends))("%s ends open sessions too", async (_name, end) => {
    const server = await start();
    const cookie = await signedIn(server, keyFor());
    const socket = await connect(`${server.url.replace("http", "ws")}/v1/ws`, { headers: { cookie, ...page(server) } });
    await end(server, cookie);
    await expect.poll(() => socket.received.find(({ type }) => type === "error")?.["code"]).toBe("invalid_api_key");
    await socket.closed;
    expect((await models(server, { cookie })).status).toBe(401);
  });

  it("comes by itself, and with the key's own end", async () => {
    const clock = createManualClock();
    const server = await start({ clock });
    const long = keyFor();
    const short = keyFor({ expiresAtMs: clock.nowMs() + 60_000 }, "short");
    const [first, second] = [await signedIn(server, long), await signedIn(server, short)];
    expect((await signIn(server, short)).setCookie).toMatch(/Max-Age=(?:60|59);/);
    clock.advance(60_001);
    expect([
      (await models(server, { cookie: first })).status,
      (await models(server, { cookie: second })).status,
    ]).toEqual([200, 401]);
    clock.advance(12 * 3_600_000);
    expect((await models(server, { cookie: first })).status).toBe(401);
    expect((await ask(server, "GET", "/console/session", { cookie: first })).json["key"]).toBeNull();
  });
});

describe("the status", () => {
  it("is for the machine itself and for keys with the scope admin", async () => {
    const server = await start();
    const away = { "x-forwarded-for": "192.0.2.7" };
    const user = await signedIn(server, keyFor());
    const operator = await signedIn(server, keyFor({ scopes: ["admin"] }, "operator"));
    const statusOf = async (headers: Headers) => (await ask(server, "GET", "/console/status", headers)).status;
    expect(await statusOf({})).toBe(200);
    expect(await statusOf(away)).toBe(403);
    expect(await statusOf({ ...away, cookie: user })).toBe(403);
    expect(await statusOf({ ...away, cookie: operator })).toBe(200);
    expect(await statusOf({ ...away, cookie: operator, origin: "http://localhost:1" })).toBe(403);
    const session = await ask(server, "GET", "/console/session", { ...away, cookie: operator });
    expect(session.json).toMatchObject({ operator: true, key: { name: "operator" } });
    expect((await ask(server, "GET", "/console/session", { ...away, cookie: user })).json["operator"]).toBe(false);
  });
});
