import { afterEach, expect, it } from "vitest";
import { createPacedEngine } from "../support/paced-engine.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { ConfigChanges, TestServer } from "../support/runtime-server.ts";
import { connect } from "../support/ws-client.ts";
import type { WsClient } from "../support/ws-client.ts";

/** Several addresses against one server: what one of them holds, others can have. */
let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
});

const start = async (transcribeMs: number, pool: ConfigChanges["pool"]): Promise<TestServer> => {
  const config = { pool: pool!, server: { trustedProxies: ["127.0.0.1/32"] }, metrics: { enabled: true } };
  server = await startTestServer({ engine: createPacedEngine({ transcribeMs }), config });
  return server;
};
const post = (address: string, body: string): Promise<Response> =>
  fetch(`${server?.url}/v1/transcribe`, { method: "POST", body, headers: { "x-forwarded-for": address } });
const speak = async (address: string): Promise<WsClient> => {
  const client = await connect(`ws://127.0.0.1:${server?.port}/v1/ws`, { headers: { "x-forwarded-for": address } });
  client.audio(new Uint8Array(3200));
  return client;
};

it("serves a newcomer at once while one address has all slots with long files, and these lose nothing", async () => {
  const { runtime } = await start(1000, { size: 4, queue: 4 });
  const { admission } = runtime.context;
  const long = Array.from({ length: 6 }, () => post("10.0.0.1", "long"));
  await expect.poll(() => [admission.available, admission.waiters]).toEqual([0, 2]);
  const newcomer = await speak("10.0.0.2");
  newcomer.send({ type: "stop" });
  expect(await newcomer.nextOf("final")).toMatchObject({ text: "3200 bytes" });
  const file = await post("10.0.0.3", "x");
  expect([file.status, await file.json()]).toMatchObject([200, { text: "1 bytes" }]);
  expect((await Promise.all(long)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
  const metrics = await (await fetch(`${server?.url}/metrics`)).text();
  expect(metrics).toMatch(/^gigastt_pool_lent_total\{kind="file"\} [1-9]/m);
  expect([admission.available, admission.waiters]).toEqual([4, 0]);
});

it("serves addresses in turn on one slot, and frees it when its client leaves", async () => {
  const { runtime } = await start(600, { size: 1, queue: 4 });
  const { admission } = runtime.context;
  const first = post("10.0.0.1", "first");
  const second = post("10.0.0.1", "second");
  await expect.poll(() => [admission.available, admission.waiters]).toEqual([0, 1]);
  // One slot: the newcomer holds none and the address of the first one not two more. It waits for its turn.
  const newcomer = post("10.0.0.2", "x");
  expect((await newcomer).status).toBe(200);
  expect([(await first).status, (await second).status]).toEqual([200, 200]);
  const leaving = new AbortController();
  const left = fetch(`${server?.url}/v1/transcribe`, {
    method: "POST",
    body: "long",
    signal: leaving.signal,
    headers: { "x-forwarded-for": "10.0.0.1" },
  }).catch(() => "left");
  await expect.poll(() => admission.available).toBe(0);
  leaving.abort();
  expect(await left).toBe("left");
  await expect.poll(() => [admission.available, admission.waiters]).toEqual([1, 0]);
});
