import { afterEach, expect, it } from "vitest";
import { createEngine } from "../../src/engine/engine.ts";
import { silentLogger } from "../../src/shared/log.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";
import { connect } from "../support/ws-client.ts";
import type { Message, WsClient } from "../support/ws-client.ts";
import { DEMO_CONFIG, demoBundle, EVAL_CLIPS, readClip } from "../unit/engine/support.ts";

let server: TestServer | undefined;
const clients: WsClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.terminate();
  await server?.close();
});

const clip = EVAL_CLIPS.toSorted((a, b) => a.seconds - b.seconds)[0]!;
const pcm = new Uint8Array(Int16Array.from(readClip(clip.file), (sample) => Math.round(sample * 32_768)).buffer);

it("with the real model: sessions are taken until the measured speed allows no more; the newest is refused, the others get their text", async () => {
  const config = { ...DEMO_CONFIG, engine: { ...DEMO_CONFIG.engine, workers: 1, threads: 1 } };
  const engine = createEngine({ config, bundle: await demoBundle("int8"), log: silentLogger });
  server = await startTestServer({ engine, config: { pool: { size: MOST_SESSIONS, checkoutTimeoutMs: 300 } } });
  const { admission } = server.runtime.context;
  const refusalOf = (client: WsClient | undefined): Message | undefined =>
    client?.received.find(({ type }) => type === "error");
  while (refusalOf(clients.at(-1)) === undefined && clients.length < MOST_SESSIONS) {
    const client = await connect(`ws://127.0.0.1:${server.port}/v1/ws`);
    clients.push(client);
    expect((await client.next()).type).toBe("ready");
    client.send({ type: "configure", sample_rate: 16_000 });
    client.audio(pcm);
    // It has a slot, or is told why not.
    const isDecided = (): boolean =>
      refusalOf(client) !== undefined || MOST_SESSIONS - admission.available === clients.length;
    await expect.poll(isDecided, { timeout: 10_000, interval: 5 }).toBe(true);
  }
  const refusal = refusalOf(clients.at(-1));
  expect(refusal).toMatchObject({ code: "timeout", retry_after_ms: expect.any(Number) });
  expect(refusal?.["message"]).toMatch(
    /^no capacity for another live session: (this machine recognises|live windows wait)/,
  );
  const refused = clients.pop();
  expect((await refused!.closed).code).toBe(1013);
  expect(clients.length).toBeGreaterThanOrEqual(1);
  for (const client of clients) client.send({ type: "stop" });
  const texts = await Promise.all(
    clients.map(async (client) => {
      expect((await client.closed).code).toBe(1000);
      return client.received
        .filter(({ type }) => type === "final")
        .map(({ text }) => text)
        .join(" ")
        .trim();
    }),
  );
  expect(new Set(texts)).toEqual(new Set([clip.reference_decode.int8.text]));
}, 120_000);

/** More than the demo model's speed allows one worker of any machine. */
const MOST_SESSIONS = 300;
