import type { SupervisorReport } from "../../src/shared/process/messages.ts";
import { afterEach, describe, expect, it } from "vitest";
import { WireError } from "../../src/shared/errors.ts";
import { MODEL_ALIASES } from "../../src/shared/protocol.ts";
import { createPacedEngine } from "../support/paced-engine.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const start = async (...options: Parameters<typeof startTestServer>): Promise<TestServer> => {
  server = await startTestServer(...options);
  return server;
};
const post = (path: string, body: RequestInit["body"], init: RequestInit = {}): Promise<Response> =>
  fetch(`${server?.url}${path}`, { method: "POST", body: body ?? null, ...init });
const get = (path: string, init: RequestInit = {}): Promise<Response> => fetch(`${server?.url}${path}`, init);
const codeOf = async (response: Response): Promise<unknown> => {
  const body: unknown = await response.json();
  return [response.status, typeof body === "object" && body !== null && "code" in body ? body.code : body];
};

describe("POST /api/speech-to-text, the HTTP bridge of Wyoming", () => {
  it("answers text and language, ignores the model and expects the names it was told", async () => {
    await start();
    const path = "/api/speech-to-text?model=tiny&language=ru-RU&transcript_names=Ада,Иван&transcript_terms=гигастт";
    const response = await post(path, new Uint8Array(100_000));
    expect([response.status, await response.json()]).toEqual([200, { text: "100000 bytes", language: "ru" }]);
  });

  it.each([
    ["language=de", "x", [400, "unsupported_language"]],
    [`transcript_names=${"a".repeat(101)}`, "x", [400, "bad_request"]],
    [`transcript_terms=${Array.from({ length: 201 }, (_, i) => `w${i}`).join()}`, "x", [400, "bad_request"]],
    ["", "", [400, "empty_body"]],
  ])("refuses %.30s with a body of %j: %j", async (query, body, expected) => {
    const { runtime } = await start();
    expect(await codeOf(await post(`/api/speech-to-text?${query}`, body))).toEqual(expected);
    expect([runtime.context.admission.available, runtime.context.uploads.heldBytes]).toEqual([4, 0]);
  });
});

describe("probes", () => {
  it("answers /health while the model loads, and /ready only after it", async () => {
    const { url, runtime } = await start({ start: false });
    expect(await (await fetch(`${url}/health`)).json()).toEqual({
      status: "ok",
      model: "loading",
      version: "0.0.0-test",
      uptime_s: expect.any(Number),
    });
    const before = await fetch(`${url}/ready`);
    expect([before.status, await before.json()]).toEqual([
      503,
      { status: "not_ready", reason: "initializing", pool_available: 4, pool_total: 4 },
    ]);
    const refused = await post("/v1/transcribe", "x");
    expect(refused.headers.get("retry-after")).toBe("5");
    expect([refused.status, await refused.json()]).toEqual([
      503,
      { error: "the model is still loading", code: "initializing", retry_after_ms: 5000 },
    ]);
    expect(await codeOf(await get("/v1/models"))).toEqual([503, "initializing"]);
    await runtime.start();
    expect(await (await fetch(`${url}/ready`)).json()).toEqual({ status: "ready", pool_available: 4, pool_total: 4 });
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({
      status: "ok",
      model: "paced",
      model_hash: "0".repeat(64),
      precision: "int8",
      encoder_form: "published",
    });
  });

  it("stays ready while every slot is busy and the line has room, and says pool_exhausted only when the line is full", async () => {
    const engine = createPacedEngine({ transcribeMs: 60_000 });
    const { runtime } = await start({ engine, config: { pool: { size: 1, queue: 1 } } });
    const stop = new AbortController();
    const one = post("/v1/transcribe", "a", { signal: stop.signal }).catch(() => undefined);
    await expect.poll(() => runtime.context.admission.available).toBe(0);
    expect((await get("/ready")).status).toBe(200);
    const two = post("/v1/transcribe", "b", { signal: stop.signal }).catch(() => undefined);
    await expect.poll(() => runtime.context.admission.waiters).toBe(1);
    const full = await get("/ready");
    expect([full.status, await full.json()]).toEqual([
      503,
      { status: "not_ready", reason: "pool_exhausted", pool_available: 0, pool_total: 1 },
    ]);
    const refused = await post("/v1/transcribe", "c");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(await codeOf(refused)).toEqual([503, "queue_full"]);
    stop.abort();
    await Promise.all([one, two]);
    await expect.poll(() => runtime.context.admission.available).toBe(1);
  });

  it("shows what the supervisor knows to loopback callers without a proxy in between, and to nobody else", async () => {
    const { runtime } = await start();
    runtime.context.phase.supervisor = { restarts: 3 } as SupervisorReport; // of what it says one field is enough
    expect(await (await get("/ready")).json()).toMatchObject({ supervisor: { restarts: 3 } });
    for (const header of ["x-forwarded-for", "x-real-ip", "forwarded", "via", "x-forwarded-host"]) {
      const body = await (await get("/ready", { headers: { [header]: "203.0.113.9" } })).json();
      expect(body, header).not.toHaveProperty("supervisor");
    }
  });
});

describe("GET /v1/models", () => {
  it("has the native shape and OpenAI's list in one object", async () => {
    await start();
    expect(await (await get("/v1/models")).json()).toEqual({
      id: "paced",
      name: "Paced",
      version: "1",
      encoder: "int8",
      vocab_size: 1,
      sample_rate: 16000,
      pool_size: 4,
      pool_available: 4,
      supported_formats: ["wav", "mp3", "flac", "ogg", "opus", "webm", "m4a", "aac"],
      supported_rates: [8000, 16000, 24000, 44100, 48000],
      diarization: false,
      object: "list",
      data: ["paced", ...MODEL_ALIASES].map((id) => ({
        id,
        object: "model",
        created: expect.any(Number),
        owned_by: "gigastt",
      })),
    });
  });

  it("has each entry of the list below its id, and says which there are", async () => {
    await start();
    for (const id of ["paced", "whisper-1", "gpt-4o-transcribe"])
      expect(await (await get(`/v1/models/${id}`)).json()).toMatchObject({ id, object: "model" });
    const unknown = await get("/v1/models/tts-1");
    expect(unknown.status).toBe(404);
    expect(unknown.headers.get("x-should-retry")).toBe("false");
    expect(unknown.headers.get("x-request-id")).toMatch(/./);
    expect(await unknown.json()).toEqual({
      error: {
        message: expect.stringContaining("paced, whisper-1"),
        type: "invalid_request_error",
        param: "model",
        code: "model_not_found",
      },
    });
  });
});

describe("POST /v1/transcribe", () => {
  it("transcribes a body and gives slot and memory back", async () => {
    const { runtime } = await start();
    const response = await post("/v1/transcribe", new Uint8Array(100_000));
    expect([response.status, await response.json()]).toEqual([
      200,
      { text: "100000 bytes", words: [], duration: 3.125 },
    ]);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect([runtime.context.admission.available, runtime.context.uploads.heldBytes]).toEqual([4, 0]);
  });

  it.each([
    ["json", "application/json; charset=utf-8"],
    ["txt", "text/plain; charset=utf-8"],
    ["srt", "application/x-subrip; charset=utf-8"],
    ["vtt", "text/vtt; charset=utf-8"],
    ["md", "text/markdown; charset=utf-8"],
    ["tsv", "text/tab-separated-values; charset=utf-8"],
    ["html", "text/html; charset=utf-8"],
  ])("answers format=%s as %s", async (format, type) => {
    await start();
    const response = await post(`/v1/transcribe?format=${format}`, "abc");
    expect([response.status, response.headers.get("content-type")]).toEqual([200, type]);
    expect(await response.text()).toContain("3 bytes");
  });

  it("offers the answer as a file with a name of any script", async () => {
    await start();
    const response = await post(`/v1/transcribe?format=srt&download=${encodeURIComponent('за"пись (1).srt')}`, "abc");
    expect(response.headers.get("content-disposition")).toBe(
      `attachment; filename="_______ (1).srt"; filename*=UTF-8''%D0%B7%D0%B0%22%D0%BF%D0%B8%D1%81%D1%8C%20%281%29.srt`,
    );
  });

  it("hands channels and headerless formats on to the engine", async () => {
    const engine = createPacedEngine();
    const seen: unknown[] = [];
    const original = engine.transcribe.bind(engine);
    engine.transcribe = (options) => {
      seen.push([options.channels, options.headerless, options.maxDurationMs]);
      return original(options);
    };
    await start({ engine });
    await post("/v1/transcribe?channels=split&codec=pcmu&sample_rate=8000", "abc");
    expect(seen).toEqual([["split", { codec: "pcmu", sampleRateHz: 8000 }, 4 * 3_600_000]]);
  });

  it.each([
    "format=doc",
    "download=a%0d%0aX-Evil:%201",
    "max_chars_per_line=0",
    "channels=left",
    "codec=pcmu",
    "segments=maybe",
  ])("refuses ?%s with bad_request and no header of the sender's making", async (query) => {
    await start();
    const response = await post(`/v1/transcribe?${query}`, "abc");
    expect(response.headers.get("x-evil")).toBeNull();
    expect(await codeOf(response)).toEqual([400, "bad_request"]);
  });

  it("refuses an empty body, declared or streamed", async () => {
    await start();
    expect(await codeOf(await post("/v1/transcribe", undefined))).toEqual([400, "empty_body"]);
    const empty = new ReadableStream({ start: (controller) => controller.close() });
    expect(await codeOf(await post("/v1/transcribe", empty, { duplex: "half" }))).toEqual([400, "empty_body"]);
  });

  it("refuses a declared body over the limit before reading it, and a streamed one while reading", async () => {
    const { runtime } = await start({ config: { limits: { bodyBytes: 70_000 } } });
    expect(await codeOf(await post("/v1/transcribe", new Uint8Array(70_000)))).toMatchObject([200, {}]);
    expect(await codeOf(await post("/v1/transcribe", new Uint8Array(70_001)))).toEqual([413, "payload_too_large"]);
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(30_000)) });
    expect(await codeOf(await post("/v1/transcribe", endless, { duplex: "half" }))).toEqual([413, "payload_too_large"]);
    expect(runtime.context.uploads.heldBytes).toBe(0);
  });

  it.each([
    ["unsupported_media", 415],
    ["invalid_audio", 422],
    ["audio_too_long", 422],
    ["transcription_error", 500],
    ["initializing", 503],
    ["inference_timeout", 503],
  ] as const)("passes the engine's %s on as %i", async (code, status) => {
    const engine = createPacedEngine();
    engine.transcribe = () => Promise.reject(new WireError(code, "said by the engine"));
    const { runtime } = await start({ engine });
    const response = await post("/v1/transcribe", "abc");
    expect([response.status, await response.json()]).toEqual([status, { error: "said by the engine", code }]);
    expect(runtime.context.admission.available).toBe(4);
  });

  it("hides an unexpected error and logs it with the request id", async () => {
    const engine = createPacedEngine();
    engine.transcribe = () => Promise.reject(new Error("ENOENT /models/secret.onnx"));
    const { lines } = await start({ engine });
    const response = await post("/v1/transcribe", "abc", { headers: { "x-request-id": "r-1" } });
    const text = await response.text();
    expect([response.status, JSON.parse(text)]).toMatchObject([500, { code: "transcription_error" }]);
    expect(text).not.toContain("secret");
    expect(lines).toContainEqual(
      expect.objectContaining({
        event: "request_failed",
        request_id: "r-1",
        err: expect.objectContaining({ message: "ENOENT /models/secret.onnx" }),
      }),
    );
  });

  it("ends a transcription that takes longer than the budget", async () => {
    const engine = createPacedEngine({ transcribeMs: 60_000 });
    const { runtime } = await start({ engine, config: { limits: { requestBudgetMs: 50 } } });
    expect(await codeOf(await post("/v1/transcribe", "abc"))).toEqual([503, "inference_timeout"]);
    expect(runtime.context.admission.available).toBe(4);
  });

  it("ends the wait for a slot with timeout and a hint", async () => {
    const engine = createPacedEngine({ transcribeMs: 60_000 });
    await start({ engine, config: { pool: { size: 1, checkoutTimeoutMs: 50 } } });
    const stop = new AbortController();
    const one = post("/v1/transcribe", "a", { signal: stop.signal }).catch(() => undefined);
    await expect.poll(() => server?.runtime.context.admission.available).toBe(0);
    const refused = await post("/v1/transcribe", "b");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect([refused.status, await refused.json()]).toEqual([
      503,
      {
        error: "no slot became free within 0.05 s; try again after the time given",
        code: "timeout",
        retry_after_ms: expect.any(Number),
      },
    ]);
    stop.abort();
    await one;
  });

  it("frees the slot, or the place in the line, of a client that went away", async () => {
    const engine = createPacedEngine({ transcribeMs: 60_000 });
    const { runtime, lines } = await start({ engine, config: { pool: { size: 1 } } });
    const stop = new AbortController();
    const both = ["a", "b"].map((body) => post("/v1/transcribe", body, { signal: stop.signal }).catch(() => undefined));
    await expect.poll(() => runtime.context.admission.waiters).toBe(1);
    stop.abort();
    await Promise.all(both);
    await expect.poll(() => [runtime.context.admission.waiters, runtime.context.admission.available]).toEqual([0, 1]);
    await expect.poll(() => lines.filter((line) => line["status"] === 499)).toHaveLength(2);
  });
});

describe("POST /v1/transcribe/stream", () => {
  it("answers events and ends after the last final", async () => {
    await start();
    const response = await post("/v1/transcribe/stream", "abc");
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    });
    const events = (await response.text()).split("\n\n").filter((event) => event !== "");
    expect(events.map((event) => JSON.parse(event.replace("data: ", "")) as unknown)).toEqual([
      {
        type: "final",
        text: "3 bytes",
        committed: "3 bytes",
        tentative: "",
        timestamp: expect.closeTo(Date.now() / 1000, -1),
        words: [],
        is_final: true,
        speech_final: true,
        endpoint_reason: "stop",
      },
    ]);
  });

  it("tells a failure before the first event by its status, and one after it as an event", async () => {
    const engine = createPacedEngine();
    engine.transcribe = () => Promise.reject(new WireError("invalid_audio", "not decodable"));
    const { runtime } = await start({ engine });
    expect(await codeOf(await post("/v1/transcribe/stream", "abc"))).toEqual([422, "invalid_audio"]);
    engine.transcribe = async ({ onHypothesis }) => {
      await onHypothesis?.({
        type: "partial",
        committed: "",
        tentative: "раз",
        words: [],
        confidence: 0.5,
        endpointReason: undefined,
        speechFinal: false,
      });
      throw new WireError("audio_too_long", "longer than allowed");
    };
    const text = await (await post("/v1/transcribe/stream", "abc")).text();
    expect(text).toContain('"type":"partial","text":"раз"');
    expect(text).toMatch(/data: \{"type":"error","message":"longer than allowed","code":"audio_too_long"\}\n\n$/);
    expect(runtime.context.admission.available).toBe(4);
  });

  it("ends with what was repaired in the audio, as the JSON answer does; strict is passed on", async () => {
    const warnings = [{ code: "truncated" as const, message: "WAV: the file is truncated" }];
    const asked: (boolean | undefined)[] = [];
    const engine = createPacedEngine();
    engine.transcribe = async ({ strict }) => {
      asked.push(strict);
      return [{ text: "раз", words: [], segments: [], durationS: 1, confidence: undefined, warnings }];
    };
    await start({ engine });
    const text = await (await post("/v1/transcribe/stream?strict=true", "abc")).text();
    expect(text).toBe(`data: ${JSON.stringify({ type: "warnings", warnings })}\n\n`);
    expect(await (await post("/v1/transcribe", "abc")).json()).toMatchObject({ text: "раз", warnings });
    expect(asked).toEqual([true, false]);
  });

  it("sends comment lines in silence, so that no proxy gives up", async () => {
    const engine = createPacedEngine({ transcribeMs: 300 });
    await start({ engine, timing: { ssePingMs: 40 } });
    const text = await (await post("/v1/transcribe/stream", "abc")).text();
    expect(text).toMatch(/^(?:: ping\n\n){2,}data: /);
  });
});

describe("every answer", () => {
  it("carries the client's request id, or a new one", async () => {
    await start();
    const echoed = await get("/health", { headers: { "x-request-id": "abc.DEF_1-2" } });
    expect(echoed.headers.get("x-request-id")).toBe("abc.DEF_1-2");
    for (const path of ["/health", "/ready", "/v1/models", "/nowhere", "/metrics", "/v1/ws"]) {
      const response = await get(path, { headers: { "x-request-id": "not valid!" } });
      expect(response.headers.get("x-request-id"), path).toMatch(/^[\da-f]{8}-[\da-f]{4}-7/);
      expect(response.headers.get("x-content-type-options"), path).toBe("nosniff");
    }
  });

  it("is one log line with id, route, status, time and audio seconds, and never the audio, the text or a key", async () => {
    const { lines } = await start();
    await post("/v1/transcribe?format=txt&download=secret-name.txt", new Uint8Array(32_000), {
      headers: { "x-request-id": "r-2", authorization: "Bearer secret-key" },
    });
    await expect.poll(() => lines.find((line) => line["event"] === "request_end")).toBeDefined();
    const ends = lines.filter((line) => line["event"] === "request_end");
    expect(ends).toEqual([
      {
        level: "info",
        time: expect.any(String),
        event: "request_end",
        request_id: "r-2",
        method: "POST",
        route: "/v1/transcribe",
        status: 200,
        ms: expect.any(Number),
        bytes: 32_000,
        audio_s: 1,
      },
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/secret|32000 bytes/);
  });

  it("is 404 for unknown paths without echoing them, also for malformed ones", async () => {
    await start();
    for (const path of [
      "/console",
      "/v1",
      "/v1/transcribes",
      "/%ff",
      "/%zz",
      "/health/../../etc/passwd",
      "/v2/models",
    ]) {
      const response = await get(path);
      const text = await response.text();
      expect([response.status, (JSON.parse(text) as { code: string }).code], path).toEqual([404, "not_found"]); // our envelope
      expect(text).not.toContain("passwd");
    }
  });

  it("is 405 with Allow for a wrong method", async () => {
    await start();
    const cases: [string, string, string][] = [
      ["DELETE", "/health", "GET, HEAD"],
      ["POST", "/ready", "GET, HEAD"],
      ["PUT", "/v1/models", "GET, HEAD, OPTIONS"],
      ["GET", "/v1/transcribe", "POST, OPTIONS"],
      ["PATCH", "/v1/transcribe/stream", "POST, OPTIONS"],
      ["POST", "/metrics", "GET, HEAD"],
      ["POST", "/v1/ws", "GET, OPTIONS"],
    ];
    for (const [method, path, allow] of cases) {
      const response = await get(path, { method });
      expect(response.headers.get("allow"), path).toBe(allow);
      expect(await codeOf(response), path).toEqual([405, "method_not_allowed"]);
    }
  });

  it("has no body for HEAD", async () => {
    await start();
    for (const path of ["/health", "/ready", "/v1/models"]) {
      const response = await get(path, { method: "HEAD" });
      expect([response.status, await response.text()], path).toEqual([200, ""]);
    }
  });

  it("asks for an upgrade on the WebSocket paths", async () => {
    await start();
    for (const path of ["/v1/ws", "/ws"]) {
      const response = await get(path);
      expect(response.headers.get("upgrade")).toBe("websocket");
      expect(await codeOf(response)).toEqual([426, "bad_request"]);
    }
  });
});

describe("origin policy", () => {
  const origin = (value: string): RequestInit => ({ headers: { origin: value } });

  it("refuses other origins on everything but the probes", async () => {
    await start();
    for (const path of ["/v1/models", "/metrics", "/v1/ws"]) {
      const response = await get(path, origin("https://evil.example"));
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
      expect(await codeOf(response), path).toEqual([403, "origin_denied"]);
    }
    expect(await codeOf(await post("/v1/transcribe", "x", origin("null")))).toEqual([403, "origin_denied"]);
    for (const path of ["/health", "/ready"])
      expect((await get(path, origin("https://evil.example"))).status).toBe(200);
  });

  it("echoes allowed ones, also on errors, and exposes the headers clients need to back off", async () => {
    await start({ config: { server: { allowedOrigins: ["https://stt.example.com"] } } });
    for (const value of ["http://localhost:5173", "https://stt.example.com"]) {
      const response = await post("/v1/transcribe", undefined, origin(value));
      expect(await codeOf(response)).toEqual([400, "empty_body"]);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "access-control-allow-origin": value,
        "access-control-expose-headers":
          "Location, Retry-After, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Expires, Upload-Length, Upload-Offset, X-Request-Id",
        vary: "Origin",
      });
    }
    const any = await get("/v1/models");
    expect(any.headers.get("access-control-allow-origin")).toBeNull();
  });

  it("answers preflights of the /v1 routes with 204", async () => {
    await start({ config: { rateLimit: { perMinute: 1, burst: 1 } } });
    for (const path of ["/v1/models", "/v1/transcribe", "/v1/transcribe/stream", "/v1/ws"]) {
      const response = await get(path, { method: "OPTIONS", ...origin("http://localhost") });
      expect([response.status, await response.text()], path).toEqual([204, ""]);
      expect(response.headers.get("access-control-allow-methods")).toBe("GET, POST, OPTIONS");
    }
  });
});

describe("rate limit", () => {
  it("refuses /v1 requests over the limit with the time until the next token, and never the probes", async () => {
    await start({ config: { rateLimit: { perMinute: 6, burst: 2 } } });
    expect((await get("/v1/models")).status).toBe(200);
    expect((await post("/v1/transcribe", "x")).status).toBe(200);
    const refused = await get("/v1/models");
    expect(refused.headers.get("retry-after")).toBe("10");
    expect([refused.status, await refused.json()]).toMatchObject([
      429,
      { code: "rate_limit_exceeded", retry_after_ms: expect.any(Number) },
    ]);
    for (let n = 0; n < 5; n++) expect((await get("/health")).status).toBe(200);
    expect((await get("/ready")).status).toBe(200);
  });

  it("cannot be passed by forged address headers", async () => {
    await start({ config: { rateLimit: { perMinute: 1, burst: 1 } } });
    const forge = (n: number): RequestInit => ({
      headers: { "x-forwarded-for": `10.0.0.${n}`, "x-real-ip": `10.0.0.${n}`, forwarded: `for=10.0.0.${n}` },
    });
    expect((await get("/v1/models", forge(0))).status).toBe(200);
    for (let n = 1; n < 20; n++) expect((await get("/v1/models", forge(n))).status).toBe(429);
  });

  it("keys on the forwarded address behind a trusted proxy, and warns once about one that appends", async () => {
    const { lines } = await start({
      config: { rateLimit: { perMinute: 1, burst: 1 }, server: { trustedProxies: ["127.0.0.1/32"] } },
    });
    const from = (value: string): Promise<Response> => get("/v1/models", { headers: { "x-forwarded-for": value } });
    expect((await from("203.0.113.1")).status).toBe(200);
    expect((await from("203.0.113.2")).status).toBe(200);
    expect((await from("203.0.113.1")).status).toBe(429);
    expect((await from("6.6.6.6, 203.0.113.1")).status).toBe(429);
    expect((await from("7.7.7.7, 203.0.113.1")).status).toBe(429);
    expect(lines.filter((line) => line["event"] === "forwarded_header_appended")).toHaveLength(1);
  });
});

describe("GET /metrics", () => {
  it("is off unless it is turned on", async () => {
    await start();
    expect(await codeOf(await get("/metrics"))).toEqual([404, "metrics_disabled"]);
  });

  it("has the names people's dashboards use, with route patterns and never raw paths", async () => {
    await start({ config: { metrics: { enabled: true } } });
    await post("/v1/transcribe?download=private.txt", "x");
    await get("/secret/path");
    await get("/secret/other", { method: "PROPFIND" });
    const response = await get("/metrics");
    const text = await response.text();
    expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    for (const line of [
      'gigastt_http_requests_total{method="POST",path="/v1/transcribe",status="200"} 1',
      'gigastt_http_requests_total{method="GET",path="unmatched",status="404"} 1',
      'gigastt_http_requests_total{method="other",path="unmatched",status="404"} 1',
      "gigastt_pool_available 4",
      "gigastt_pool_waiters 0",
      "gigastt_pool_checkout_duration_seconds_count 1",
      "gigastt_pool_timeouts_total 0",
      "gigastt_ws_active_connections 0",
      "gigastt_rate_limit_rejections_total 0",
      'gigastt_errors_total{code="not_found"} 2',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    expect(text).toContain("gigastt_http_request_duration_seconds_bucket");
    expect(text).toContain("gigastt_inference_duration_seconds_bucket");
    expect(text).not.toMatch(/secret|private/);
  });

  it("answers in the form that is asked for, also when both ask at once; exemplars name requests whose id has room", async () => {
    await start({ config: { metrics: { enabled: true } } });
    await post("/v1/transcribe", "x", { headers: { "x-request-id": "r-17" } });
    await get("/ready", { headers: { "x-request-id": "x".repeat(128) } });
    const open = { headers: { accept: "application/openmetrics-text;version=1.0.0,text/plain;q=0.5" } };
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) => get("/metrics", n % 2 === 0 ? open : {}).then((answer) => answer.text())),
    );
    for (const [n, text] of answers.entries()) {
      const isOpen = n % 2 === 0;
      expect(text.endsWith("\n# EOF\n"), `${n}`).toBe(isOpen);
      expect(text).toContain(`# TYPE gigastt_http_requests${isOpen ? "" : "_total"} counter\n`);
      expect(text).toContain('gigastt_http_requests_total{method="POST",path="/v1/transcribe",status="200"} 1\n');
      const exemplars = [...text.matchAll(/^(\w+)\{.* # (\{[^}]*\}) /gm)].map(([, ...found]) => found);
      const own = ["gigastt_http_request_duration_seconds_bucket", '{request_id="r-17"}'];
      if (isOpen) expect(exemplars).toContainEqual(own);
      else expect(exemplars).toEqual([]);
      expect(text).not.toContain("xxxx");
    }
  });
});

describe("live reload", () => {
  it("changes limits, origins and the rate while running, and refuses what needs a new process", async () => {
    const { runtime } = await start();
    const config = runtime.context.settings.current;
    expect(
      runtime.reload({
        ...config,
        limits: { ...config.limits, bodyBytes: 10 },
        server: { ...config.server, allowedOrigins: ["https://a.example"] },
      }),
    ).toBeUndefined();
    expect(await codeOf(await post("/v1/transcribe", "x".repeat(11)))).toEqual([413, "payload_too_large"]);
    expect((await get("/v1/models", { headers: { origin: "https://a.example" } })).status).toBe(200);
    expect(runtime.reload({ ...config, server: { ...config.server, port: 1 } })).toBe(
      "needs a new process: server.port",
    );
    expect(runtime.context.settings.current.limits.bodyBytes).toBe(10);
  });
});
