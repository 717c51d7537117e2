import { afterEach, describe, expect, it } from "vitest";
import { openRaw, parseAnswer } from "../support/raw-http.ts";
import { createPacedEngine } from "../support/paced-engine.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";
import { connect } from "../support/ws-client.ts";
import type { WsClient } from "../support/ws-client.ts";

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const start = async (...options: Parameters<typeof startTestServer>): Promise<TestServer> => {
  server = await startTestServer(...options);
  return server;
};
const openReady = async ({ port }: TestServer): Promise<WsClient> => {
  const client = await connect(`ws://127.0.0.1:${port}/v1/ws`);
  expect((await client.next()).type).toBe("ready");
  return client;
};
const steps = ({ lines }: TestServer): unknown[] =>
  lines.filter((line) => line["event"] === "drain_step").map((line) => line["step"]);
const ORDER = [
  "announce",
  "refuse_new_work",
  "hand_back_jobs",
  "flush_work",
  "await_admission",
  "stop_engine",
  "close_archive",
  "close_jobs",
  "close_server",
];

describe("drain", () => {
  it("takes its named steps in order and ends at once when there is nothing to do", async () => {
    const running = await start();
    const report = await running.runtime.drain.begin("test");
    expect(report).toMatchObject({ sessionsFlushed: 0, requestsFinished: 0, cut: 0 });
    expect(report.tookMs).toBeLessThan(1000);
    expect(steps(running)).toEqual(ORDER);
    expect(running.engine.state).toBe("closed");
  });

  it("gives every session its final and 1001, and reports them", async () => {
    const engine = createPacedEngine({ endMs: 100 });
    const running = await start({ engine });
    const clients = await Promise.all(Array.from({ length: 4 }, () => openReady(running)));
    for (const [n, client] of clients.entries()) if (n > 0) client.audio(new Uint8Array(n * 100));
    await expect.poll(() => running.runtime.context.sessions.size).toBe(4);
    // The first client has sent nothing, so it has no stream yet.
    await expect
      .poll(() => engine.streams.map(({ bytes }) => bytes).toSorted((a, b) => a - b))
      .toEqual([100, 200, 300]);
    const report = await running.runtime.drain.begin("test");
    expect(report).toMatchObject({ sessionsFlushed: 4, cut: 0 });
    for (const [n, client] of clients.entries()) {
      expect(await client.next()).toMatchObject({ type: "final", text: n === 0 ? "" : `${n * 100} bytes` });
      expect((await client.closed).code).toBe(1001);
      expect(client.received).toHaveLength(2);
    }
  });

  it("recognises what a session sent ahead of inference to its last byte", async () => {
    const engine = createPacedEngine({ speed: 200 });
    const running = await start({ engine, config: { limits: { bufferedAudioMs: 1000 } } });
    const client = await openReady(running);
    for (let n = 0; n < 20; n++) client.audio(new Uint8Array(96_000));
    await expect.poll(() => [...running.runtime.context.sessions][0]?.isPaused).toBe(true);
    await running.runtime.drain.begin("test");
    const final = await client.nextOf("final");
    // Everything the server had read by then, in whole frames; what still was in the kernel's buffers was never received.
    expect(Number(String(final["text"]).split(" ")[0]) % 96_000).toBe(0);
    expect(Number(String(final["text"]).split(" ")[0])).toBeGreaterThanOrEqual(96_000);
    expect((await client.closed).code).toBe(1001);
  });

  it("announces itself on /ready, still answers /health, refuses new work without a hint and ends connections", async () => {
    const running = await start({ engine: createPacedEngine({ transcribeMs: 1500 }) });
    const working = fetch(`${running.url}/v1/transcribe`, { method: "POST", body: "abc" });
    await expect.poll(() => running.runtime.context.admission.available).toBe(3);
    const drained = running.runtime.drain.begin("test");
    const ready = await fetch(`${running.url}/ready`);
    expect(await ready.json()).toMatchObject({ status: "not_ready", reason: "shutting_down" });
    expect((await fetch(`${running.url}/health`)).status).toBe(200);
    const refused = await fetch(`${running.url}/v1/transcribe`, { method: "POST", body: "abc" });
    expect([refused.status, refused.headers.get("connection"), refused.headers.get("retry-after")]).toEqual([
      503,
      "close",
      null,
    ]);
    expect(await refused.json()).toEqual({ error: "the server is shutting down", code: "shutting_down" });
    const done = await working;
    expect([done.status, done.headers.get("connection")]).toEqual([200, "close"]);
    expect(await drained).toMatchObject({ requestsFinished: 1, cut: 0 });
    await expect(fetch(`${running.url}/health`)).rejects.toThrow("fetch failed");
  });

  it("dismisses work that waited, and bodies still on their way, at once", async () => {
    const running = await start({ engine: createPacedEngine({ transcribeMs: 300 }), config: { pool: { size: 1 } } });
    const post = (): Promise<Response> => fetch(`${running.url}/v1/transcribe`, { method: "POST", body: "abc" });
    const working = post();
    await expect.poll(() => running.runtime.context.admission.available).toBe(0);
    const waiting = post();
    const session = await openReady(running);
    session.audio(new Uint8Array(3200));
    const upload = openRaw(running.port);
    upload.write("POST /v1/transcribe HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc");
    await expect
      .poll(() => [running.runtime.context.admission.waiters, running.runtime.context.exchanges.size])
      .toEqual([2, 3]);
    const drained = running.runtime.drain.begin("test");
    const dismissed = await waiting;
    expect([dismissed.status, await dismissed.json()]).toMatchObject([503, { code: "pool_closed" }]);
    expect(await session.next()).toMatchObject({ type: "error", code: "pool_closed" });
    expect((await session.closed).code).toBe(1001);
    const cutShort = parseAnswer(await upload.until(/"code"/));
    expect([cutShort.status, JSON.parse(cutShort.body)]).toMatchObject([503, { code: "shutting_down" }]);
    expect((await working).status).toBe(200);
    expect(await drained).toMatchObject({ requestsFinished: 1, cut: 0 });
  });

  it("cuts at the one deadline what did not end: a coded answer, a truncated final, and counts it", async () => {
    const engine = createPacedEngine({ transcribeMs: 60_000, endMs: 60_000, partial: "раз" });
    const running = await start({ engine, config: { shutdown: { drainMs: 1000 } } });
    const working = fetch(`${running.url}/v1/transcribe`, { method: "POST", body: "abc" });
    const client = await openReady(running);
    client.audio(new Uint8Array(10));
    expect(await client.next()).toMatchObject({ type: "partial" });
    await expect.poll(() => running.runtime.context.admission.available).toBe(2);
    const report = await running.runtime.drain.begin("test");
    expect(report).toMatchObject({ sessionsFlushed: 0, requestsFinished: 0, cut: 2 });
    expect(report.tookMs).toBeGreaterThan(800);
    expect(report.tookMs).toBeLessThan(2000);
    const cutShort = await working;
    expect([cutShort.status, await cutShort.json()]).toMatchObject([503, { code: "shutting_down" }]);
    expect(await client.next()).toMatchObject({ type: "final", text: "раз", truncated: true });
    expect((await client.closed).code).toBe(1001);
  });

  it("is not held by a client that never answers Close or reads its answer", async () => {
    const engine = createPacedEngine();
    const running = await start({ engine, config: { shutdown: { drainMs: 1500 } } });
    const raw = openRaw(running.port, { allowHalfOpen: true });
    raw.write(
      "GET /v1/ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    );
    await raw.until(/"type":"ready"/);
    const report = await running.runtime.drain.begin("test");
    expect(report).toMatchObject({ sessionsFlushed: 1, cut: 0 });
    expect(report.tookMs).toBeLessThan(2500);
    raw.socket.destroy();
  });

  it("ends an event stream with an error event at the deadline", async () => {
    const engine = createPacedEngine();
    engine.transcribe = async ({ onHypothesis, signal }) => {
      await onHypothesis?.({
        type: "partial",
        committed: "",
        tentative: "раз",
        words: [],
        confidence: undefined,
        endpointReason: undefined,
        speechFinal: false,
      });
      await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      return [];
    };
    const running = await start({ engine, config: { shutdown: { drainMs: 1000 } } });
    const response = await fetch(`${running.url}/v1/transcribe/stream`, { method: "POST", body: "abc" });
    const drained = running.runtime.drain.begin("test");
    const text = await response.text();
    expect(text).toContain('"type":"partial"');
    expect(text).toMatch(
      /data: \{"type":"error","message":"the server is shutting down","code":"shutting_down"\}\n\n$/,
    );
    expect(await drained).toMatchObject({ cut: 1 });
  });

  it("runs once: a second call gets the same report", async () => {
    const running = await start();
    const [one, two] = await Promise.all([running.runtime.drain.begin("a"), running.runtime.drain.begin("b")]);
    expect(one).toBe(two);
    expect(steps(running)).toEqual(ORDER);
  });

  it("can be expedited: what is left is cut now", async () => {
    const running = await start({ engine: createPacedEngine({ transcribeMs: 60_000 }) });
    const working = fetch(`${running.url}/v1/transcribe`, { method: "POST", body: "abc" }).catch(() => "cut");
    await expect.poll(() => running.runtime.context.admission.available).toBe(3);
    const drained = running.runtime.drain.begin("test");
    running.runtime.drain.expedite();
    const report = await drained;
    expect(report.cut).toBe(1);
    expect(report.tookMs).toBeLessThan(1000);
    await working;
  });
});

describe("hand-over", () => {
  it("stops accepting at once, serves what is connected to its natural end, then drains", async () => {
    const running = await start({ engine: createPacedEngine({ transcribeMs: 200 }) });
    const client = await openReady(running);
    const kept = openRaw(running.port);
    kept.write("GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    await kept.until(/"status":"ok"/);
    const working = fetch(`${running.url}/v1/transcribe`, { method: "POST", body: "abc" });
    await expect.poll(() => running.runtime.context.admission.available).toBe(3);
    const drained = running.runtime.drain.handOver(60_000);
    await expect(fetch(`${running.url}/health`)).rejects.toThrow("fetch failed");
    const done = await working;
    expect([done.status, done.headers.get("connection")]).toEqual([200, "close"]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    client.audio(new Uint8Array(10));
    client.send({ type: "stop" });
    expect(await client.next()).toMatchObject({ type: "final", text: "10 bytes" });
    expect((await client.closed).code).toBe(1000);
    expect(await drained).toMatchObject({ sessionsFlushed: 0, cut: 0 });
  });

  it("says ready on a kept connection after a hand-over, because the address goes on serving", async () => {
    const running = await start();
    const client = await openReady(running);
    const kept = openRaw(running.port);
    kept.write("GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    await kept.until(/"status":"ok"/);
    const drained = running.runtime.drain.handOver(60_000);
    kept.write("GET /ready HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await kept.until(/"status":"(ready|not_ready)"/)).toContain('"status":"ready"');
    client.send({ type: "stop" });
    await drained;
  });

  it("drains what is left after its limit, or when a signal ends its patience", async () => {
    const running = await start();
    const client = await openReady(running);
    const drained = running.runtime.drain.handOver(100);
    expect(await client.next()).toMatchObject({ type: "final" });
    expect((await client.closed).code).toBe(1001);
    expect(await drained).toMatchObject({ sessionsFlushed: 1 });
    await server?.close();
    const again = await start();
    const other = await openReady(again);
    const second = again.runtime.drain.handOver(1e6);
    void again.runtime.drain.begin("SIGTERM");
    expect((await other.closed).code).toBe(1001);
    expect(await second).toMatchObject({ sessionsFlushed: 1 });
  });
});
