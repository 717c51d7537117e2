import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { openRaw, parseAnswer, sendRaw } from "../support/raw-http.ts";
import { createPacedEngine } from "../support/paced-engine.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { ConfigChanges, TestServer } from "../support/runtime-server.ts";
import { connect } from "../support/ws-client.ts";
import type { WsClient } from "../support/ws-client.ts";
import type { ClientOptions } from "ws";

let server: TestServer | undefined;
let clients: WsClient[] = [];
afterEach(async () => {
  for (const client of clients) client.socket.terminate();
  clients = [];
  await server?.close();
  server = undefined;
});

const start = async (...options: Parameters<typeof startTestServer>): Promise<TestServer> => {
  server = await startTestServer(...options);
  return server;
};
const open = async (path = "/v1/ws", options: Parameters<typeof connect>[1] = {}): Promise<WsClient> => {
  const client = await connect(`ws://127.0.0.1:${server?.port}${path}`, options);
  clients.push(client);
  return client;
};
/** A session that has been admitted. */
const openReady = async (): Promise<WsClient> => {
  const client = await open();
  expect((await client.next()).type).toBe("ready");
  return client;
};
const slotsAreBack = async (): Promise<void> => {
  const admission = server?.runtime.context.admission;
  await expect.poll(() => admission?.available).toBe(admission?.total);
};
const upgradeRequest = (...lines: string[]): string =>
  `${["GET /v1/ws HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket", ...lines].join("\r\n")}\r\n\r\n`;
const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const VERSION = "Sec-WebSocket-Version: 13";

describe("upgrade", () => {
  it("answers 101 with the request id; /ws says that it is deprecated", async () => {
    await start();
    for (const [path, deprecation, link] of [
      ["/v1/ws", undefined, undefined],
      ["/ws", "true", '</v1/ws>; rel="successor-version"'],
    ]) {
      const socket = new WebSocket(`ws://127.0.0.1:${server?.port}${path}`, { headers: { "x-request-id": "r-1" } });
      const [response] = (await once(socket, "upgrade")) as [{ headers: Record<string, string> }]; // ws emits the answer
      expect(response.headers).toMatchObject({ "x-request-id": "r-1" });
      expect([response.headers["deprecation"], response.headers["link"]]).toEqual([deprecation, link]);
      socket.terminate();
    }
  });

  const badUpgrades: [string, string, number, string][] = [
    ["a path that is none", upgradeRequest(KEY, VERSION).replace("/v1/ws", "/v2/ws"), 404, "not_found"],
    ["no key", upgradeRequest(VERSION), 400, "bad_request"],
    ["a bad key", upgradeRequest("Sec-WebSocket-Key: abc", VERSION), 400, "bad_request"],
    ["no version", upgradeRequest(KEY), 400, "bad_request"],
    ["an old version", upgradeRequest(KEY, "Sec-WebSocket-Version: 7"), 400, "bad_request"],
    ["bad subprotocols", upgradeRequest(KEY, VERSION, "Sec-WebSocket-Protocol: a,,b"), 400, "bad_request"],
    ["repeated subprotocols", upgradeRequest(KEY, VERSION, "Sec-WebSocket-Protocol: a, a"), 400, "bad_request"],
    ["a foreign origin", upgradeRequest(KEY, VERSION, "Origin: https://evil.example"), 403, "origin_denied"],
    [
      "a name that is not this server's",
      upgradeRequest(KEY, VERSION).replace("Host: a", "Host: rebound.example"),
      403,
      "host_denied",
    ],
    ["the null origin", upgradeRequest(KEY, VERSION, "Origin: null"), 403, "origin_denied"],
    ["POST", upgradeRequest(KEY, VERSION).replace("GET", "POST"), 405, "method_not_allowed"],
    ["HTTP/1.0", upgradeRequest(KEY, VERSION).replace("HTTP/1.1", "HTTP/1.0"), 400, "bad_request"],
    ["no Host", upgradeRequest(KEY, VERSION).replace("Host: a\r\n", ""), 400, "bad_request"],
    ["two Hosts", upgradeRequest("Host: b", KEY, VERSION), 400, "bad_request"],
    ["a body", `${upgradeRequest(KEY, VERSION, "Content-Length: 3")}abc`, 400, "bad_request"],
    ["a chunked body", `${upgradeRequest(KEY, VERSION, "Transfer-Encoding: chunked")}0\r\n\r\n`, 400, "bad_request"],
  ];
  it.each(badUpgrades)("refuses %s in plain HTTP", async (_name, request, status, code) => {
    const { port } = await start();
    const answer = await sendRaw(port, request);
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([status, { code }]);
    expect(answer.headers).toMatchObject({ "x-request-id": expect.any(String), connection: "close" });
  });

  it("refuses with 429 over the rate limit, 503 while loading and 503 while draining", async () => {
    const { port, runtime } = await start({ start: false, config: { rateLimit: { perMinute: 60, burst: 3 } } });
    const code = async (): Promise<unknown> => {
      const answer = await sendRaw(port, upgradeRequest(KEY, VERSION));
      return [answer.status, (JSON.parse(answer.body) as { code: string }).code, "retry-after" in answer.headers]; // our envelope
    };
    expect(await code()).toEqual([503, "initializing", true]);
    await runtime.start();
    runtime.context.phase.draining = true;
    expect(await code()).toEqual([503, "shutting_down", false]);
    runtime.context.phase.draining = false;
    await openReady();
    expect(await code()).toEqual([429, "rate_limit_exceeded", true]);
  });

  it("lets loopback and listed origins in", async () => {
    await start({ config: { server: { allowedOrigins: ["https://stt.example.com"] } } });
    for (const origin of ["http://localhost:3000", "https://stt.example.com"]) {
      const client = await open("/v1/ws", { headers: { origin } });
      expect((await client.next()).type).toBe("ready");
    }
  });
});

describe("a session", () => {
  it("says ready, takes audio, answers stop with the final and closes 1000", async () => {
    await start();
    const client = await open();
    expect(await client.next()).toEqual({
      type: "ready",
      model: "paced",
      sample_rate: 48000,
      version: "1.2",
      min_protocol_version: "1.0",
      supported_rates: [8000, 16000, 24000, 44100, 48000],
      max_session_secs: 3600,
      idle_timeout_secs: 300,
    });
    client.send({ type: "configure", sample_rate: 16000 });
    client.audio(new Uint8Array(3201));
    client.send({ type: "stop" });
    expect(await client.next()).toEqual({
      type: "final",
      text: "3201 bytes",
      committed: "3201 bytes",
      tentative: "",
      timestamp: expect.any(Number),
      words: [],
      is_final: true,
      speech_final: true,
      endpoint_reason: "stop",
    });
    expect(await client.closed).toEqual({ code: 1000, reason: "" });
    await slotsAreBack();
  });

  it("answers stop without audio with an empty final", async () => {
    await start();
    const client = await openReady();
    client.send({ type: "stop" });
    expect(await client.next()).toMatchObject({ type: "final", text: "", words: [] });
    expect((await client.closed).code).toBe(1000);
  });

  it("opens the engine's stream at the first audio, with what was configured", async () => {
    const engine = createPacedEngine();
    await start({ engine });
    const client = await openReady();
    client.send({
      type: "configure",
      sample_rate: 8000,
      protocol_version: "1.1",
      endpoint_mode: "assistant",
      min_silence_ms: 700,
      commit_policy: "on_finalize",
      diarization: true,
      unknown: 1,
    });
    client.send({ type: "configure", endpoint_mode: "manual" });
    expect(engine.streams).toHaveLength(0);
    client.audio(new Uint8Array(10));
    await expect.poll(() => engine.streams[0]?.bytes).toBe(10);
    expect(engine.streams[0]?.options).toMatchObject({
      sampleRateHz: 8000,
      endpoint: "manual",
      minSilenceMs: 700,
      commitPolicy: "on_finalize",
    });
  });

  it("keeps order under any split, frames sent at once with stop included", async () => {
    const engine = createPacedEngine();
    await start({ engine });
    const client = await openReady();
    for (let n = 0; n < 500; n++) client.audio(new Uint8Array(n % 7));
    client.send({ type: "stop" });
    expect(await client.nextOf("final")).toMatchObject({ text: "1494 bytes" });
    expect((await client.closed).code).toBe(1000);
  });

  it("answers bad fields and late configures with their own codes and goes on", async () => {
    await start();
    const client = await openReady();
    const codeAfter = async (message: object): Promise<unknown> => {
      client.send(message);
      return (await client.nextOf("error"))["code"];
    };
    expect(await codeAfter({ type: "configure", sample_rate: 11025 })).toBe("invalid_sample_rate");
    expect(await codeAfter({ type: "configure", endpoint_mode: "x" })).toBe("invalid_endpoint_mode");
    expect(await codeAfter({ type: "configure", commit_policy: "x" })).toBe("invalid_commit_policy");
    expect(await codeAfter({ type: "configure", min_silence_ms: 1 })).toBe("bad_request");
    client.audio(new Uint8Array(4));
    expect(await codeAfter({ type: "configure", sample_rate: 16000 })).toBe("configure_too_late");
    client.send({ type: "stop" });
    expect(await client.next()).toMatchObject({ type: "final", text: "4 bytes" });
  });

  it("ends with an error and 1008 when the version cannot be spoken", async () => {
    await start();
    const client = await openReady();
    client.send({ type: "configure", protocol_version: "3.0" });
    expect(await client.next()).toEqual({
      type: "error",
      message: "protocol_version must be from 1.0 to 1.2",
      code: "unsupported_protocol_version",
    });
    expect((await client.closed).code).toBe(1008);
    await slotsAreBack();
  });

  it("goes on after texts that are not known messages, and closes 1008 at the tenth", async () => {
    await start();
    const client = await openReady();
    for (const text of ["{", "null", '{"type":"eof"}', "привет", "[]", '{"type":"STOP"}', "1", '""', "{}"])
      client.send(text);
    for (let n = 0; n < 9; n++) expect(await client.next()).toMatchObject({ type: "error", code: "bad_request" });
    client.audio(new Uint8Array(2));
    client.send("tenth");
    expect(await client.next()).toMatchObject({ code: "bad_request" });
    expect(await client.next()).toMatchObject({ code: "policy_violation" });
    expect((await client.closed).code).toBe(1008);
    await slotsAreBack();
  });

  it("closes 1008 at the 257th configure, and for pings or pongs by the thousand", async () => {
    await start();
    const configuring = await openReady();
    for (let n = 0; n < 257; n++) configuring.send({ type: "configure", sample_rate: 16000 });
    expect(await configuring.nextOf("error")).toMatchObject({
      code: "policy_violation",
      message: "more than 256 configure messages",
    });
    expect((await configuring.closed).code).toBe(1008);
    for (const send of [(client: WsClient) => client.socket.ping(), (client: WsClient) => client.socket.pong()]) {
      const client = await openReady();
      for (let n = 0; n < 1100; n++) send(client);
      expect((await client.closed).code).toBe(1008);
    }
    await slotsAreBack();
  });

  it("does not parse a text of more than 16384 characters, and closes 1008 for a message in more than 16384 fragments", async () => {
    await start();
    const client = await openReady();
    client.send(`{"type":"configure","x":"${"x".repeat(20_000)}"}`);
    expect(await client.next()).toMatchObject({ code: "bad_request" });
    for (let n = 0; n < 16_385; n++) client.socket.send(new Uint8Array(1), { fin: false });
    expect((await client.closed).code).toBe(1008);
    await slotsAreBack();
  });

  it("joins frames of one byte: the engine gets pieces", async () => {
    const engine = createPacedEngine();
    let writes = 0;
    const openStream = engine.openStream;
    engine.openStream = (options) => openStream({ ...options, onSpeech: () => void writes++ });
    await start({ engine });
    const client = await openReady();
    for (let n = 0; n < 3000; n++) client.audio(Uint8Array.of(n));
    client.send({ type: "stop" });
    expect(await client.nextOf("final")).toMatchObject({ text: "3000 bytes" });
    expect(writes).toBeLessThan(100);
  });

  it("closes 1008 at the thousandth empty frame, not before", async () => {
    await start();
    const client = await openReady();
    for (let n = 0; n < 999; n++) client.audio(new Uint8Array(0));
    client.send("still open?");
    expect(await client.next()).toMatchObject({ code: "bad_request" });
    client.audio(new Uint8Array(0));
    expect(await client.next()).toMatchObject({ code: "policy_violation" });
    expect((await client.closed).code).toBe(1008);
  });

  it("takes a frame of exactly the limit and closes 1009 for one byte more", async () => {
    await start({ config: { limits: { wsFrameBytes: 524_288 } } });
    const exact = await openReady();
    exact.audio(new Uint8Array(524_288));
    exact.send({ type: "stop" });
    expect(await exact.next()).toMatchObject({ text: "524288 bytes" });
    for (const send of [
      (client: WsClient) => client.audio(new Uint8Array(524_289)),
      (client: WsClient) => client.send("x".repeat(524_289)),
      (client: WsClient) => {
        for (let n = 0; n < 9; n++) client.socket.send(new Uint8Array(60_000), { fin: n === 8 });
      },
    ]) {
      const over = await openReady();
      send(over);
      expect((await over.closed).code).toBe(1009);
    }
    await slotsAreBack();
  });

  it("closes 1007 for a text that is not UTF-8 and 1002 for frames that are not WebSocket", async () => {
    const { port, lines } = await start();
    const client = await openReady();
    client.socket.send(Buffer.from([0xc3, 0x28]), { binary: false });
    expect((await client.closed).code).toBe(1007);
    const noFrames = [
      ["a reserved opcode", [0x8f, 0x80, 1, 2, 3, 4]],
      ["a reserved bit", [0xc2, 0x81, 0, 0, 0, 0, 1]],
      ["an unmasked frame", [0x82, 0x02, 1, 2]],
      ["a fragmented ping", [0x09, 0x80, 0, 0, 0, 0]],
      ["a continuation of nothing", [0x80, 0x80, 0, 0, 0, 0]],
    ] as const;
    for (const [name, bytes] of noFrames) {
      const raw = openRaw(port);
      raw.write(upgradeRequest(KEY, VERSION));
      await raw.until(/"type":"ready"/);
      raw.write(Uint8Array.from(bytes));
      expect((await raw.ended).slice(-40), name).toContain("\x03\xea");
    }
    await slotsAreBack();
    await expect
      .poll(() => lines.filter((line) => line["event"] === "session_end").map((line) => line["close"]))
      .toEqual([1007, 1002, 1002, 1002, 1002, 1002]);
  });

  it("tells a window that failed and goes on", async () => {
    const engine = createPacedEngine();
    await start({ engine });
    const client = await openReady();
    client.audio(new Uint8Array(10));
    await expect.poll(() => engine.streams).toHaveLength(1);
    engine.streams[0]?.options.onError(new Error("ORT: /models/secret.onnx"));
    expect(await client.next()).toEqual({
      type: "error",
      message: "a part of the audio could not be recognised; the session continues",
      code: "inference_error",
    });
    client.audio(new Uint8Array(10));
    client.send({ type: "stop" });
    expect(await client.next()).toMatchObject({ type: "final", text: "20 bytes" });
  });

  it("ends with a coded error and 1011 when the engine breaks, and the server lives on", async () => {
    const engine = createPacedEngine();
    engine.openStream = () => {
      throw new Error("broken: /models/secret.onnx");
    };
    await start({ engine });
    const client = await openReady();
    client.audio(new Uint8Array(10));
    expect(await client.next()).toEqual({ type: "error", message: "the session failed", code: "inference_error" });
    expect(await client.next()).toMatchObject({ type: "final", text: "" });
    expect((await client.closed).code).toBe(1011);
    await slotsAreBack();
  });

  it("answers pings while it is idle", async () => {
    await start();
    const client = await openReady();
    client.socket.ping("hello");
    const [payload] = (await once(client.socket, "pong")) as [Buffer]; // ws emits the payload
    expect(payload.toString()).toBe("hello");
  });
});

describe("admission of sessions", () => {
  /** A session that speaks: it holds a slot, or waits for one. */
  const openSpeaking = async (options: ClientOptions = {}): Promise<WsClient> => {
    const client = await open("/v1/ws", options);
    expect((await client.next()).type).toBe("ready");
    client.audio(new Uint8Array(3200));
    return client;
  };
  const free = (): number | undefined => server?.runtime.context.admission.available;
  const waiting = (): number | undefined => server?.runtime.context.admission.waiters;

  it("takes a slot when a session speaks, not before", async () => {
    await start({ config: { pool: { size: 1 } } });
    const silent = await Promise.all(Array.from({ length: 10 }, openReady));
    expect(free()).toBe(1);
    silent[3]?.audio(new Uint8Array(3200));
    await expect.poll(free).toBe(0);
    silent[3]?.send({ type: "stop" });
    expect(await silent[3]?.nextOf("final")).toMatchObject({ text: "3200 bytes" });
    await expect.poll(free).toBe(1);
  });

  it("gives the slot back in silence and takes one again with the next words", async () => {
    await start({ config: { pool: { size: 1 } }, timing: { slotSilenceMs: 150 } });
    const first = await openSpeaking();
    await expect.poll(free).toBe(0);
    await expect.poll(free).toBe(1);
    const second = await openSpeaking();
    await expect.poll(free).toBe(0);
    first.audio(new Uint8Array(3200));
    await expect.poll(waiting).toBe(1);
    second.send({ type: "stop" });
    expect(await second.nextOf("final")).toMatchObject({ text: "3200 bytes" });
    first.send({ type: "stop" });
    expect(await first.nextOf("final")).toMatchObject({ text: "6400 bytes" });
  });

  it("lets the fifth that speaks of four wait and serves it when one ends", async () => {
    const { runtime } = await start({ config: { pool: { size: 4 } } });
    const four = await Promise.all(Array.from({ length: 4 }, () => openSpeaking()));
    await expect.poll(free).toBe(0);
    const fifth = await openSpeaking();
    await expect.poll(() => runtime.context.admission.waiters).toBe(1);
    fifth.send({ type: "stop" });
    four[0]?.send({ type: "stop" });
    expect(await fifth.nextOf("final")).toMatchObject({ text: "3200 bytes" });
  });

  it("keeps what a client sends while it waits, in order", async () => {
    await start({ config: { pool: { size: 1 } } });
    const first = await openSpeaking();
    await expect.poll(free).toBe(0);
    const second = await open();
    second.send({ type: "configure", sample_rate: 16000 });
    for (let n = 0; n < 20; n++) second.audio(new Uint8Array(1000));
    second.send({ type: "stop" });
    await expect.poll(waiting).toBe(1);
    first.send({ type: "stop" });
    expect(await second.nextOf("final")).toMatchObject({ text: "20000 bytes" });
  });

  it("pauses an impatient client at the frame limit instead of keeping everything", async () => {
    await start({ config: { pool: { size: 1 } }, timing: { pausedProbeMs: 20 } });
    const first = await openSpeaking();
    await expect.poll(free).toBe(0);
    const second = await open();
    for (let n = 0; n < 400; n++) second.audio(new Uint8Array(100_000));
    await expect
      .poll(() => [...server!.runtime.context.sessions].filter((session) => session.isPaused))
      .toHaveLength(1);
    await expect.poll(() => second.socket.bufferedAmount).toBeGreaterThan(10_000_000);
    second.socket.terminate();
    // Paused, it can only be noticed by writing to it.
    await expect.poll(waiting).toBe(0);
    first.send({ type: "stop" });
    await slotsAreBack();
  });

  it("tells a wait that was too long: error timeout with a hint, close 1013", async () => {
    await start({ config: { pool: { size: 1, checkoutTimeoutMs: 50 } } });
    await openSpeaking();
    await expect.poll(free).toBe(0);
    const second = await openSpeaking();
    expect(await second.next()).toEqual({
      type: "error",
      message: "no slot became free within 0.05 s; try again after the time given",
      code: "timeout",
      retry_after_ms: expect.any(Number),
    });
    expect(await second.closed).toEqual({ code: 1013, reason: "try again later" });
  });

  it("lends a slot of a client above its share to another client that speaks, and ends the session that waited in vain with what was recognised", async () => {
    await start({
      engine: createPacedEngine({ partial: "раз два" }),
      config: { pool: { size: 2, checkoutTimeoutMs: 300 }, server: { trustedProxies: ["127.0.0.1/32"] } },
    });
    const from = (address: string): ClientOptions => ({ headers: { "x-forwarded-for": address } });
    const greedy = [await openSpeaking(from("10.0.0.1")), await openSpeaking(from("10.0.0.1"))];
    await expect.poll(free).toBe(0);
    const other = await openSpeaking(from("10.0.0.2"));
    other.send({ type: "stop" });
    expect(await other.nextOf("final")).toMatchObject({ text: "3200 bytes" });
    // The slot went back in time: nothing was lost.
    for (const client of greedy) client.audio(new Uint8Array(3200));
    const another = await openSpeaking(from("10.0.0.2"));
    greedy[1]?.audio(new Uint8Array(3200));
    expect(await greedy[1]?.nextOf("error")).toMatchObject({ code: "timeout", retry_after_ms: expect.any(Number) });
    expect(await greedy[1]?.nextOf("final")).toMatchObject({
      text: "6400 bytes",
      truncated: true,
      speech_final: false,
    });
    expect((await greedy[1]?.closed)?.code).toBe(1013);
    for (const client of [greedy[0], another]) client?.send({ type: "stop" });
    expect(await greedy[0]?.nextOf("final")).toMatchObject({ text: "6400 bytes" });
    await slotsAreBack();
  });

  it("refuses the newest session when the machine keeps up with no more; those it has go on, and files are taken", async () => {
    const capacity = (speaking: number): { canOpenMore: boolean; reason: string | undefined } =>
      speaking < 2
        ? { canOpenMore: true, reason: undefined }
        : { canOpenMore: false, reason: "2 live sessions are what this machine keeps up with" };
    await start({
      engine: createPacedEngine({ capacity }),
      config: { pool: { size: 4, checkoutTimeoutMs: 300 }, metrics: { enabled: true } },
    });
    const [first, second] = [await openSpeaking(), await openSpeaking()];
    await expect.poll(free).toBe(2);
    const third = await openSpeaking();
    expect(await third.next()).toMatchObject({
      type: "error",
      code: "timeout",
      message:
        "no capacity for another live session: 2 live sessions are what this machine keeps up with; try again after the time given",
      retry_after_ms: expect.any(Number),
    });
    expect(await third.closed).toEqual({ code: 1013, reason: "try again later" });
    const metrics = await (await fetch(`${server?.url}/metrics`)).text();
    expect(metrics).toMatch(/^gigastt_live_refusals_total 1$/m);
    expect(server?.lines.find(({ event }) => event === "live_session_refused")).toMatchObject({ level: "warn" });
    const file = await fetch(`${server?.url}/v1/transcribe`, { method: "POST", body: new Uint8Array(3200) });
    expect(file.status).toBe(200);
    first.send({ type: "stop" });
    expect((await first.nextOf("final")).text).toBe("3200 bytes");
    const fourth = await openSpeaking();
    fourth.send({ type: "stop" });
    second.send({ type: "stop" });
    expect((await second.nextOf("final")).text).toBe("3200 bytes");
    expect((await fourth.nextOf("final")).text).toBe("3200 bytes");
    await slotsAreBack();
  });

  it("admits a session as soon as the machine keeps up again, although no other session left", async () => {
    let isBusy = true;
    const capacity = () => ({ canOpenMore: !isBusy, reason: isBusy ? "busy" : undefined });
    await start({ engine: createPacedEngine({ capacity }) });
    const client = await openSpeaking();
    await expect.poll(waiting).toBe(1);
    isBusy = false;
    client.send({ type: "stop" });
    expect((await client.nextOf("final")).text).toBe("3200 bytes");
  });

  it("tells a full queue: error queue_full with a hint, close 1013", async () => {
    await start({ config: { pool: { size: 1, queue: 1 } } });
    await openSpeaking();
    await expect.poll(free).toBe(0);
    await openSpeaking();
    await expect.poll(waiting).toBe(1);
    const third = await openSpeaking();
    expect(await third.next()).toMatchObject({ code: "queue_full", retry_after_ms: expect.any(Number) });
    expect((await third.closed).code).toBe(1013);
  });

  it("takes as many open sessions of one address as could run and wait, at least 16; silent or not", async () => {
    await start({ config: { pool: { size: 1, queue: 1 } } });
    const clients = await Promise.all(Array.from({ length: 16 }, openReady));
    const over = await open();
    expect(await over.nextOf("error")).toMatchObject({
      code: "queue_full",
      message: "this address has 16 open sessions; close one, or try again after the time given",
      retry_after_ms: expect.any(Number),
    });
    expect((await over.closed).code).toBe(1013);
    clients[0]?.send({ type: "stop" });
    await clients[0]?.closed;
    await openReady();
  });

  it("frees the place of a client that leaves while it waits", async () => {
    const { runtime } = await start({ config: { pool: { size: 1 } } });
    await openSpeaking();
    await expect.poll(free).toBe(0);
    const second = await openSpeaking();
    await expect.poll(() => runtime.context.admission.waiters).toBe(1);
    second.socket.terminate();
    await expect.poll(() => runtime.context.admission.waiters).toBe(0);
  });
});

describe("time limits", () => {
  const withLimits = (session: ConfigChanges["session"]): Promise<TestServer> =>
    start({ config: { session: session! } });

  it("ends an idle session with error, final and 1001; pings and pongs do not count", async () => {
    await withLimits({ idleTimeoutMs: 300, pingIntervalMs: 20 });
    const client = await openReady();
    client.audio(new Uint8Array(8));
    const pings = setInterval(() => client.socket.ping(), 20);
    expect(await client.next()).toEqual({
      type: "error",
      message: "no frame received for 0.3 s",
      code: "idle_timeout",
    });
    expect(await client.next()).toMatchObject({ type: "final", text: "8 bytes" });
    expect((await client.closed).code).toBe(1001);
    clearInterval(pings);
    await slotsAreBack();
  });

  it("does not end a session that keeps sending", async () => {
    await withLimits({ idleTimeoutMs: 1000 });
    const client = await openReady();
    const startMs = performance.now();
    for (; performance.now() - startMs < 1500; await new Promise((resolve) => setTimeout(resolve, 50)))
      client.audio(new Uint8Array(2));
    client.send({ type: "stop" });
    expect(await client.next()).toMatchObject({ type: "final" });
  });

  it("keeps a session open whose cap is 30 days", async () => {
    await withLimits({ maxDurationMs: 30 * 86_400_000 });
    const client = await openReady();
    await new Promise((resolve) => setTimeout(resolve, 100));
    client.send({ type: "stop" });
    expect((await client.nextOf("final")).type).toBe("final");
    expect((await client.closed).code).toBe(1000);
  });

  it("ends a session at its cap within 500 ms even while frames keep coming, with error, final and 1008", async () => {
    await withLimits({ maxDurationMs: 400 });
    const client = await openReady();
    const readyMs = performance.now();
    const flood = setInterval(() => client.audio(new Uint8Array(3200)), 1);
    expect(await client.nextOf("error")).toMatchObject({ code: "max_session_duration_exceeded" });
    expect((await client.nextOf("final")).type).toBe("final");
    expect((await client.closed).code).toBe(1008);
    clearInterval(flood);
    const lateMs = performance.now() - readyMs - 400;
    expect(lateMs).toBeLessThan(500);
    await slotsAreBack();
  });

  it("keeps to the cap when the last final takes longer: what is known so far, said to be truncated", async () => {
    const engine = createPacedEngine({ endMs: 60_000, partial: "раз два" });
    await start({ engine, config: { session: { maxDurationMs: 200 } } });
    const client = await openReady();
    const readyMs = performance.now();
    client.audio(new Uint8Array(10));
    expect(await client.next()).toMatchObject({ type: "partial", text: "раз два" });
    expect(await client.next()).toMatchObject({ code: "max_session_duration_exceeded" });
    expect(await client.next()).toMatchObject({
      type: "final",
      text: "раз два",
      is_final: true,
      speech_final: false,
      truncated: true,
    });
    expect((await client.closed).code).toBe(1008);
    expect(performance.now() - readyMs).toBeLessThan(10_000);
    expect(engine.streams[0]?.aborted).toBe(true);
  });

  it("never ends a session when the cap is 0", async () => {
    await withLimits({ maxDurationMs: 0 });
    const client = await open();
    expect(await client.next()).toMatchObject({ type: "ready", max_session_secs: 0 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.send({ type: "stop" });
    expect((await client.closed).code).toBe(1000);
  });
});

describe("clients that misbehave", () => {
  it("frees the slot of a client that is gone without close, within 2 s", async () => {
    const engine = createPacedEngine();
    await start({ engine });
    const client = await openReady();
    client.audio(new Uint8Array(10));
    await expect.poll(() => engine.streams).toHaveLength(1);
    client.socket.terminate();
    await expect.poll(() => server?.runtime.context.admission.available).toBe(4);
    expect(engine.streams[0]?.aborted).toBe(true);
  });

  it("frees the slot of a client that sends Close and then keeps its connection open", async () => {
    const { port } = await start({ timing: { closeGraceMs: 100 } });
    const raw = openRaw(port, { allowHalfOpen: true });
    raw.write(upgradeRequest(KEY, VERSION));
    await raw.until(/"type":"ready"/);
    raw.write(Uint8Array.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]));
    await expect.poll(() => server?.runtime.context.admission.available).toBe(4);
    raw.socket.destroy();
  });

  it("cuts a client that answers no ping", async () => {
    const { port } = await start({ config: { session: { pingIntervalMs: 100 } } });
    const raw = openRaw(port);
    raw.write(upgradeRequest(KEY, VERSION));
    await raw.ended;
    await slotsAreBack();
  });

  it("closes 1008 for a client that reads nothing, with bounded memory", async () => {
    const engine = createPacedEngine({ partial: "слово ".repeat(2000) });
    const { lines } = await start({ engine, timing: { closeGraceMs: 1000 } });
    const client = await openReady();
    client.socket.pause();
    const session = [...server!.runtime.context.sessions][0];
    const isOpen = (): boolean => session?.phase === "open";
    // Kernel buffers take the first megabytes; what counts is that our own stay bounded.
    for (let n = 0; n < 4000 && isOpen(); n++) {
      client.audio(new Uint8Array(640));
      if (n % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => session?.phase).toBe("closed");
    client.socket.resume();
    expect((await client.closed).code).toBe(1008);
    expect(lines).toContainEqual(
      expect.objectContaining({ event: "session_end", close: 1008, code: "policy_violation" }),
    );
    await slotsAreBack();
  });

  it("closes a client that sends pings and never reads the pongs", async () => {
    await start({ timing: { closeGraceMs: 300 } });
    const client = await openReady();
    client.socket.pause();
    const session = [...server!.runtime.context.sessions][0];
    const isOpen = (): boolean => session?.phase === "open";
    const payload = Buffer.alloc(125);
    for (let n = 0; n < 200_000 && isOpen(); n++) {
      client.socket.ping(payload);
      if (n % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => session?.phase, { timeout: 10_000 }).toBe("closed");
    await slotsAreBack();
  });

  it("pauses a client faster than inference at the buffered-audio bound and drops nothing", async () => {
    const engine = createPacedEngine({ speed: 100 });
    await start({ engine, config: { limits: { bufferedAudioMs: 2000 } } });
    const client = await openReady();
    client.send({ type: "configure", sample_rate: 16000 });
    let highest = 0;
    const watch = setInterval(() => (highest = Math.max(highest, engine.streams[0]?.backlogMs ?? 0)), 1);
    // 60 s of audio at once: 30 times the bound.
    for (let n = 0; n < 600; n++) client.audio(new Uint8Array(3200));
    client.send({ type: "stop" });
    expect(await client.nextOf("final")).toMatchObject({ text: `${600 * 3200} bytes` });
    clearInterval(watch);
    // The bound, plus the frame that crossed it.
    expect(highest).toBeLessThanOrEqual(2100);
    expect(highest).toBeGreaterThan(1500);
  });

  it("notices that a paused client is gone", async () => {
    const engine = createPacedEngine({ speed: 0.001 });
    await start({ engine, config: { limits: { bufferedAudioMs: 1000 } }, timing: { pausedProbeMs: 100 } });
    const client = await openReady();
    for (let n = 0; n < 100; n++) client.audio(new Uint8Array(100_000));
    await expect.poll(() => [...server!.runtime.context.sessions][0]?.isPaused).toBe(true);
    client.socket.terminate();
    await expect.poll(() => server?.runtime.context.admission.available).toBe(4);
  });

  it("does not call a client idle, or dead, that it keeps from sending", async () => {
    const engine = createPacedEngine({ speed: 2 });
    await start({
      engine,
      config: { limits: { bufferedAudioMs: 1000 }, session: { idleTimeoutMs: 300, pingIntervalMs: 50 } },
      timing: { pausedProbeMs: 1000 },
    });
    const client = await openReady();
    client.send({ type: "configure", sample_rate: 16000 });
    // 3 s of audio at twice real time: paused for most of 1.5 s.
    for (let n = 0; n < 30; n++) client.audio(new Uint8Array(3200));
    client.send({ type: "stop" });
    expect(await client.nextOf("final")).toMatchObject({ text: `${30 * 3200} bytes` });
    expect(client.received.map((message) => message.type)).toEqual(["ready", "final"]);
  });
});

it("counts the close codes that clients choose as one series", async () => {
  const { runtime } = await start();
  for (const code of [1000, 3000, 3001, 4444, 4999]) {
    const client = await openReady();
    client.socket.close(code);
    await client.closed;
  }
  const closes = async (): Promise<string[]> =>
    (await runtime.context.metrics.text()).body
      .split("\n")
      .filter((line) => line.startsWith("gigastt_ws_closes_total"));
  await expect
    .poll(closes)
    .toEqual(['gigastt_ws_closes_total{code="1000"} 1', 'gigastt_ws_closes_total{code="application"} 4']);
});

describe("logs of sessions", () => {
  it("is one line with id, close code, time and audio seconds, and never a text", async () => {
    const { lines } = await start({ engine: createPacedEngine({ partial: "тайна" }) });
    const client = await open("/v1/ws", { headers: { "x-request-id": "r-7" } });
    await client.next();
    client.send({ type: "configure", sample_rate: 16000 });
    client.audio(new Uint8Array(32_000));
    client.send({ type: "stop" });
    await client.closed;
    await expect
      .poll(() => lines.find((line) => line["event"] === "session_end"))
      .toEqual({
        level: "info",
        time: expect.any(String),
        event: "session_end",
        request_id: "r-7",
        route: "/v1/ws",
        close: 1000,
        ms: expect.any(Number),
        audio_s: 1,
      });
    expect(JSON.stringify(lines)).not.toMatch(/тайна|32000 bytes/);
  });
});

it("answers plain requests to the upgrade path with 426", async () => {
  const { port } = await start();
  const raw = openRaw(port);
  raw.write("GET /v1/ws HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  expect(parseAnswer(await raw.ended).status).toBe(426);
});
