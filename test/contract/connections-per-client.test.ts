import { afterEach, describe, expect, it } from "vitest";
import { connectionsPerClient } from "../../src/config/derived.ts";
import { createPacedEngine } from "../support/paced-engine.ts";
import { openRaw, parseAnswer } from "../support/raw-http.ts";
import type { RawAnswer, RawClient } from "../support/raw-http.ts";
import { configWith, startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";
import { UPGRADE } from "../support/ws-frames.ts";

let server: TestServer | undefined;
let clients: RawClient[] = [];
afterEach(async () => {
  for (const client of clients) client.socket.destroy();
  clients = [];
  await server?.close();
  server = undefined;
});

const start = async (trustedProxies: readonly string[] = []): Promise<TestServer> => {
  server = await startTestServer({
    engine: createPacedEngine({ transcribeMs: 60_000 }),
    config: { limits: { connectionsPerClient: 3 }, server: { trustedProxies } },
  });
  return server;
};
const open = (): RawClient => {
  const client = openRaw(server?.port ?? 0);
  clients.push(client);
  return client;
};
const ask = async (path: string, ...lines: string[]): Promise<RawAnswer> => {
  const client = open();
  client.write(`${[`GET ${path} HTTP/1.1`, "Host: localhost", ...lines].join("\r\n")}\r\n\r\n`);
  const answer = parseAnswer(await client.until(/\r\n\r\n/));
  client.socket.destroy();
  return answer;
};
const codeOf = ({ body }: RawAnswer): unknown => (JSON.parse(body) as { code?: string }).code; // our envelope
const hold = async (count: number): Promise<RawClient[]> => {
  const held = Array.from({ length: count }, open);
  for (const client of held) client.write("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await Promise.all(held.map((client) => client.until(/"status":"ok"/)));
  return held;
};

describe("connections of one client", () => {
  it("refuses more than the limit with 429, closes them, and serves again when one is gone", async () => {
    await start();
    const [first] = await hold(3);
    const refused = await ask("/v1/models");
    expect([refused.status, codeOf(refused), refused.headers["connection"]]).toEqual([
      429,
      "too_many_connections",
      "close",
    ]);
    first?.socket.destroy();
    await expect.poll(async () => (await ask("/v1/models")).status).toBe(200);
  });

  it("refuses a WebSocket over the limit in the same way", async () => {
    await start();
    await hold(3);
    const client = open();
    client.write(UPGRADE);
    expect(parseAnswer(await client.ended).status).toBe(429);
  });

  it("answers health checks over the limit, once for each connection, also in a flood of silent connections", async () => {
    await start();
    await hold(3);
    const silent = Array.from({ length: 40 }, open);
    for (const path of ["/health", "/ready"]) {
      const answer = await ask(path);
      expect([answer.status, answer.headers["connection"]]).toEqual([200, "close"]);
    }
    // The oldest of them made room; the others are closed after two seconds.
    await silent[0]?.ended;
    await Promise.all(silent.map(({ ended }) => ended));
  });

  it("does not count the connections of a trusted proxy, but what it passes on for each client", async () => {
    await start(["127.0.0.1/32"]);
    await hold(10);
    const upload = (address: string): RawClient => {
      const client = open();
      const lines = ["POST /v1/transcribe HTTP/1.1", "Host: localhost", `X-Forwarded-For: ${address}`];
      client.write(`${[...lines, "Content-Length: 3"].join("\r\n")}\r\n\r\nabc`);
      return client;
    };
    const busy = Array.from({ length: 3 }, () => upload("203.0.113.1"));
    await expect.poll(() => server?.runtime.context.exchanges.size).toBe(3);
    expect((await ask("/v1/models", "X-Forwarded-For: 203.0.113.1")).status).toBe(429);
    expect((await ask("/v1/models", "X-Forwarded-For: 203.0.113.2")).status).toBe(200);
    // A proxy that forwards no address stands for many clients.
    expect((await ask("/v1/models")).status).toBe(200);
    busy[0]?.socket.destroy();
    await expect.poll(async () => (await ask("/v1/models", "X-Forwarded-For: 203.0.113.1")).status).toBe(200);
  });

  it("is four for each place in pool and queue, at least 64, unless it is set", () => {
    const limit = (pool: { size: number; queue: number }, connectionsPerClient_: number | "auto" = "auto"): number =>
      connectionsPerClient(configWith({ pool, limits: { connectionsPerClient: connectionsPerClient_ } }));
    expect(limit({ size: 4, queue: 32 })).toBe(144);
    expect(limit({ size: 1, queue: 0 })).toBe(64);
    expect(limit({ size: 4, queue: 32 }, 7)).toBe(7);
  });
});
