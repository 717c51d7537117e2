import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { createPacedEngine } from "../support/paced-engine.ts";
import { openRaw, parseAnswer, sendRaw } from "../support/raw-http.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";
import { clientFrame, UPGRADE } from "../support/ws-frames.ts";

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});
const start = async (...options: Parameters<typeof startTestServer>): Promise<TestServer> => {
  server = await startTestServer(...options);
  return server;
};

const head = (...lines: string[]): string =>
  `${["POST /v1/transcribe HTTP/1.1", "Host: a", ...lines].join("\r\n")}\r\n\r\n`;
const coded = (body: string): unknown => (JSON.parse(body) as { code: string }).code; // our envelope
/** Everything is given back: what every case must end with. */
const expectIdle = async ({ runtime }: TestServer): Promise<void> => {
  const { admission, uploads, exchanges } = runtime.context;
  await expect.poll(() => [admission.available, uploads.heldBytes, exchanges.size]).toEqual([admission.total, 0, 0]);
};

describe("broken requests", () => {
  const brokenRequests: [string, string][] = [
    ["no HTTP at all", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"],
    ["a bad method", "GE T / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a bad version", "GET / HTTP/9.9\r\nHost: a\r\n\r\n"],
    ["a header without colon", "GET /health HTTP/1.1\r\nHost: a\r\nbroken\r\n\r\n"],
    ["a space before the colon", "GET /health HTTP/1.1\r\nHost: a\r\nX-A : b\r\n\r\n"],
    ["a line break inside a header", "GET /health HTTP/1.1\r\nHost: a\r\nX-A: b\rX-B: c\r\n\r\n"],
    ["a NUL in a header", "GET /health HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n"],
    ["two different lengths", head("Content-Length: 1", "Content-Length: 2")],
    ["a length and chunks", head("Content-Length: 1", "Transfer-Encoding: chunked")],
    ["a negative length", head("Content-Length: -1")],
    ["a length that is no number", head("Content-Length: 1e3")],
    ["an unknown transfer encoding", head("Transfer-Encoding: gzip")],
    ["an encoding before chunked", `${head("Transfer-Encoding: gzip, chunked")}0\r\n\r\n`],
    [
      "chunks in HTTP/1.0",
      "POST /v1/transcribe HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ],
    ["two Hosts", "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
    ["a Host that is none", "GET /health HTTP/1.1\r\nHost: a/b@c\r\n\r\n"],
    ["a path with a backslash", "GET /x/..\\metrics HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a path with dot segments", "GET /x/../health HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a path with encoded dot segments", "GET /x/%2E./health HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["an absolute URL with dot segments", "GET http://a/x/../health HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a path with a fragment", "GET /health#x HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a chunk size that is no number", `${head("Transfer-Encoding: chunked")}zz\r\nabc\r\n`],
    ["a chunk longer than it says", `${head("Transfer-Encoding: chunked")}2\r\nabcdef\r\n0\r\n\r\n`],
    ["a chunk size over 64 bits", `${head("Transfer-Encoding: chunked")}fffffffffffffffff\r\n`],
  ];
  it.each(brokenRequests)("refuses %s with 400 in our envelope", async (_name, data) => {
    const running = await start();
    const answer = await sendRaw(running.port, data);
    expect([answer.status, coded(answer.body), answer.headers["connection"]]).toEqual([400, "bad_request", "close"]);
    expect(answer.headers["x-request-id"]).toMatch(/^[\da-f-]{36}$/);
    await expectIdle(running);
  });

  it("refuses headers over 16 KiB with 431, also when the URL is what is long", async () => {
    const { port } = await start();
    for (const data of [
      `GET /health HTTP/1.1\r\nHost: a\r\nX-Long: ${"x".repeat(20_000)}\r\n\r\n`,
      `GET /health?${"q=1&".repeat(6000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
      `GET /health HTTP/1.1\r\nHost: a\r\n${"X-Many: 1\r\n".repeat(3000)}\r\n`,
    ]) {
      const answer = await sendRaw(port, data);
      expect([answer.status, coded(answer.body)]).toEqual([431, "bad_request"]);
    }
  });

  it("refuses more than 200 headers or trailers with 431, and checks all of 200", async () => {
    const { port } = await start();
    const many = (count: number): string => "a:\r\n".repeat(count);
    const request = (headers: string): string => `GET /v1/models HTTP/1.1\r\nHost: a\r\n${headers}\r\n`;
    const trailers = (count: number): string =>
      `${head("Transfer-Encoding: chunked", "Connection: close")}3\r\nabc\r\n0\r\n${many(count)}\r\n`;
    const statusOf = async (data: string): Promise<number> => (await sendRaw(port, data)).status;
    expect(await statusOf(request(many(2100)))).toBe(431);
    expect(await statusOf(request(many(200)))).toBe(431);
    expect(await statusOf(request(`${many(198)}Connection: close\r\n`))).toBe(200);
    // Whatever stands last is seen.
    expect(await statusOf(request(`${many(190)}Connection: close\r\nOrigin: https://evil.example\r\n`))).toBe(403);
    expect(await statusOf(request(`${many(2100)}Origin: https://evil.example\r\n`))).toBe(431);
    expect(await statusOf(request(`${many(190)}Transfer-Encoding: gzip, chunked\r\n`))).toBe(400);
    expect(await statusOf(trailers(200))).toBe(200);
    expect(await statusOf(trailers(201))).toBe(431);
    expect(await statusOf(trailers(5000))).toBe(431);
  });

  it("refuses HTTP/1.1 without Host and serves HTTP/1.0 without it", async () => {
    const { port } = await start();
    const refused = await sendRaw(port, "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n");
    expect([refused.status, coded(refused.body)]).toEqual([400, "bad_request"]);
    const served = await sendRaw(port, "GET /health HTTP/1.0\r\n\r\n");
    expect([served.status, JSON.parse(served.body)]).toMatchObject([200, { status: "ok" }]);
  });

  it("transcribes a body sent with HTTP/1.0", async () => {
    const { port } = await start();
    const answer = await sendRaw(port, "POST /v1/transcribe?format=txt HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc");
    expect([answer.status, answer.body]).toEqual([200, "3 bytes\n"]);
  });

  it("does not act as a proxy", async () => {
    const { port } = await start();
    const connect = await sendRaw(port, "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n");
    expect([connect.status, coded(connect.body)]).toEqual([405, "method_not_allowed"]);
    const absolute = await sendRaw(
      port,
      "GET http://example.com/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    expect(JSON.parse(absolute.body)).toMatchObject({ status: "ok" });
  });

  it.each(["a", "a:1", "A.example.", "[::1]:80", "127.0.0.1:9876", "a_b", ""])("takes %j for a Host", async (host) => {
    const { port } = await start();
    const answer = await sendRaw(port, `GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(answer.status).toBe(200);
  });

  it("takes dots, backslashes and slashes in a query as they are", async () => {
    const { port } = await start();
    const answer = await sendRaw(port, "GET /health?a=/../\\b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(answer.status).toBe(200);
  });

  it("refuses an expectation it does not know with 417", async () => {
    const { port } = await start();
    const answer = await sendRaw(port, head("Expect: a-miracle", "Content-Length: 3"));
    expect([answer.status, coded(answer.body)]).toEqual([417, "bad_request"]);
  });
});

describe("Expect: 100-continue", () => {
  it("is answered when the body is wanted", async () => {
    const { port } = await start();
    const client = openRaw(port);
    client.write(head("Expect: 100-continue", "Content-Length: 3", "Connection: close"));
    await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    client.write("abc");
    expect(await client.ended).toContain('"text":"3 bytes"');
  });

  it.each([
    ["too large", "Content-Length: 60000000", 413],
    ["of a foreign origin", "Content-Length: 3\r\nOrigin: https://evil.example", 403],
  ])("is not answered for a body %s: the refusal comes at once", async (_name, headers, status) => {
    const { port } = await start();
    const answer = await sendRaw(port, head("Expect: 100-continue", headers));
    expect([answer.status, answer.headers["connection"]]).toEqual([status, "close"]);
  });
});

describe("slow and half-open clients", () => {
  it("cuts headers that never end", async () => {
    const running = await start({ config: { server: { headersTimeoutMs: 200, keepAliveTimeoutMs: 100 } } });
    const client = openRaw(running.port);
    client.write("GET /health HTTP/1.1\r\nHost: a\r\n");
    const drip = setInterval(() => client.write("X-Drip: 1\r\n"), 40);
    const answer = parseAnswer(await client.ended);
    clearInterval(drip);
    expect([answer.status, coded(answer.body)]).toEqual([408, "upload_timeout"]);
  });

  it("cuts a connection that never says anything", async () => {
    const { port } = await start({ config: { server: { headersTimeoutMs: 200, keepAliveTimeoutMs: 100 } } });
    await openRaw(port).ended;
  });

  it("refuses a body slower than the minimum rate with 408, while it holds no slot", async () => {
    const running = await start({
      timing: { uploadGraceMs: 200, lingerMs: 50 },
      config: { pool: { size: 1 }, limits: { minUploadKbps: 1000 } },
    });
    const client = openRaw(running.port);
    client.write(head("Content-Length: 1000000"));
    const drip = setInterval(() => client.write("x".repeat(100)), 20);
    expect(running.runtime.context.admission.available).toBe(1);
    const answer = parseAnswer(await client.until(/upload_timeout/));
    clearInterval(drip);
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      408,
      { error: "the body arrived slower than 1000 kbit/s", code: "upload_timeout" },
    ]);
    await client.ended;
    await expectIdle(running);
  });

  it("refuses a body that stops coming, however fast it began", async () => {
    const running = await start({
      timing: { uploadGraceMs: 200, lingerMs: 50 },
      config: { limits: { minUploadKbps: 1 } },
    });
    const client = openRaw(running.port);
    client.write(head("Content-Length: 1000000"));
    client.write("x".repeat(500_000));
    expect(parseAnswer(await client.until(/upload_timeout/)).status).toBe(408);
    await client.ended;
    await expectIdle(running);
  });

  it("refuses a body that came fast and then drips: a fast start earns no more than the grace", async () => {
    const running = await start({
      timing: { uploadGraceMs: 300, lingerMs: 50 },
      config: { limits: { minUploadKbps: 100 } },
    });
    const client = openRaw(running.port);
    // 2 MB at 100 kbit/s would be paid for 160 s.
    client.write(head("Content-Length: 3000000"));
    client.write("x".repeat(2_000_000));
    const drip = setInterval(() => client.write("x"), 50);
    const startMs = performance.now();
    expect(parseAnswer(await client.until(/upload_timeout/)).status).toBe(408);
    clearInterval(drip);
    expect(performance.now() - startMs).toBeLessThan(20_000);
    await client.ended;
    await expectIdle(running);
  });

  it("lets slow uploads give way to a fast one when they hold all the memory", async () => {
    const running = await start({
      timing: { uploadGraceMs: 200, lingerMs: 50 },
      config: {
        limits: { bodyBytes: 1_000_000, minUploadKbps: 1 },
        pool: { size: 2 },
        server: { trustedProxies: ["127.0.0.1/32"] },
      },
    });
    const slow = ["203.0.113.1", "203.0.113.2", "203.0.113.3"].map((address) => {
      const client = openRaw(running.port);
      client.write(head("Content-Length: 1000000", `X-Forwarded-For: ${address}`));
      client.write("x".repeat(700_000));
      return client;
    });
    const drips = setInterval(() => slow.forEach((client) => client.write("x".repeat(100))), 50);
    await expect.poll(() => running.runtime.context.uploads.heldBytes).toBeGreaterThan(1_900_000);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const response = await fetch(`${running.url}/v1/transcribe`, {
      method: "POST",
      body: new Uint8Array(600_000),
      headers: { "x-forwarded-for": "203.0.113.9" },
    });
    expect(await response.json()).toMatchObject({ text: "600000 bytes" });
    await Promise.any(slow.map((client) => client.until(/"code":"upload_timeout"/)));
    clearInterval(drips);
    for (const client of slow) client.socket.destroy();
    await expectIdle(running);
  });

  it("serves a file while twenty slow uploads are open", async () => {
    const running = await start({ config: { pool: { size: 1, queue: 1 } } });
    const slow = Array.from({ length: 20 }, () => openRaw(running.port));
    for (const client of slow) client.write(`${head("Content-Length: 1000000")}some`);
    await expect.poll(() => running.runtime.context.exchanges.size).toBe(20);
    const response = await fetch(`${running.url}/v1/transcribe`, { method: "POST", body: "abc" });
    expect(response.status).toBe(200);
    for (const client of slow) client.socket.destroy();
    await expectIdle(running);
  });

  it("forgets an upload whose client resets the connection", async () => {
    const running = await start();
    const client = openRaw(running.port);
    client.write(`${head("Content-Length: 1000000")}${"x".repeat(200_000)}`);
    await expect.poll(() => running.runtime.context.uploads.heldBytes).toBeGreaterThan(100_000);
    client.socket.resetAndDestroy();
    await expectIdle(running);
  });

  it.each([
    ["a length", `${head("Content-Length: 3")}abc`, 1],
    ["chunks", `${head("Transfer-Encoding: chunked")}3\r\nabc\r\n0\r\n\r\n`, 1],
    ["three requests at once", `${head("Content-Length: 3")}abc`.repeat(3), 3],
  ])("answers a client that closes its sending side behind %s", async (_name, data, count) => {
    const running = await start({ engine: createPacedEngine({ transcribeMs: 100 }) });
    const client = openRaw(running.port, { allowHalfOpen: true });
    client.socket.end(data);
    const text = await client.ended;
    expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(count);
    expect(text.match(/"text":/g)).toHaveLength(count);
    client.socket.destroy();
    await expectIdle(running);
  });

  it.each(["HTTP/1.1", "HTTP/1.0"])("frees the slot of a client that is gone (%s)", async (version) => {
    const running = await start({ engine: createPacedEngine({ transcribeMs: 60_000 }) });
    const client = openRaw(running.port);
    client.write(`${head("Content-Length: 3").replace("HTTP/1.1", version)}abc`);
    await expect.poll(() => running.runtime.context.admission.available).toBe(3);
    client.socket.destroy();
    await expectIdle(running);
  });

  it("takes a client that closes its sending side while it reads events for gone", async () => {
    const running = await start({ engine: createPacedEngine({ transcribeMs: 60_000 }), timing: { ssePingMs: 300 } });
    const client = openRaw(running.port, { allowHalfOpen: true });
    client.write(`${head("Content-Length: 3").replace("/v1/transcribe", "/v1/transcribe/stream")}abc`);
    await client.until(/HTTP\/1\.1 200/);
    client.socket.end();
    await expectIdle(running);
    client.socket.destroy();
  });

  it("lets a client that is still sending read the refusal, then cuts it", async () => {
    const running = await start({ config: { limits: { bodyBytes: 1000 } }, timing: { lingerMs: 300 } });
    const client = openRaw(running.port);
    client.write(head("Transfer-Encoding: chunked"));
    const flood = setInterval(() => client.write(`${(10_000).toString(16)}\r\n${"x".repeat(10_000)}\r\n`), 2);
    const answer = parseAnswer(await client.until(/payload_too_large/));
    expect([answer.status, answer.headers["connection"]]).toEqual([413, "close"]);
    await client.ended;
    clearInterval(flood);
    await expectIdle(running);
  });

  const CLOSING: readonly (readonly [name: string, status: number, request: string])[] = [
    ["a body that is too large", 413, head("Content-Length: 99999999999")],
    ["a body that is too large, expecting 100", 413, head("Expect: 100-continue\r\nContent-Length: 99999999999")],
    ["an expectation that is unknown", 417, head("Expect: a-miracle\r\nContent-Length: 99999999999")],
    ["bytes that are not HTTP", 400, "GARBAGE\r\n\r\n"],
    ["a broken chunk", 400, `${head("Transfer-Encoding: chunked")}3\r\nabcXX`],
    ["headers that are too large", 431, head(`X-Long: ${"x".repeat(20_000)}`)],
    ["no Host", 400, "GET /health HTTP/1.1\r\n\r\n"],
    ["CONNECT", 405, "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a WebSocket that is refused", 404, UPGRADE.replace("/v1/ws", "/nope")],
    ["a last request", 200, "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"],
  ];
  it.each(CLOSING)(
    "does not lose the last answer to a client that goes on sending: %s",
    async (_name, status, request) => {
      const running = await start({ config: { limits: { bodyBytes: 1000 } }, timing: { lingerMs: 2000 } });
      const client = openRaw(running.port);
      const errors: Error[] = [];
      client.socket.on("error", (error) => errors.push(error)).pause();
      client.write(request);
      // More than what the system's buffers hold, in pieces that arrive before, with and after the answer.
      for (let sent = 0; sent < 100; sent++) {
        client.write(Buffer.alloc(sent % 2 === 0 ? 64 * 1024 : 100, "x"));
        await sleep(sent % 10 === 0 ? 2 : 0);
      }
      client.socket.resume();
      const answer = parseAnswer(await client.ended);
      client.socket.destroy();
      expect(answer.status).toBe(status);
      expect(answer.body).toHaveLength(Number(answer.headers["content-length"]));
      expect(errors).toEqual([]);
      await expectIdle(running);
    },
  );

  it("cuts a client that does not read a long answer", async () => {
    const engine = createPacedEngine();
    engine.transcribe = () =>
      Promise.resolve([
        {
          text: "слово ".repeat(3_000_000),
          words: [],
          segments: [],
          durationS: 1,
          confidence: undefined,
          warnings: [],
        },
      ]);
    const running = await start({ engine, timing: { slowReaderMs: 300 } });
    const client = openRaw(running.port);
    client.socket.pause();
    client.write(`${head("Content-Length: 3")}abc`);
    await expect.poll(() => running.runtime.context.exchanges.size).toBe(1);
    await expectIdle(running);
    client.socket.destroy();
  });

  it("ends the work for a client that does not read its event stream", async () => {
    const engine = createPacedEngine();
    engine.transcribe = async ({ onHypothesis }) => {
      for (let n = 0; n < 10_000; n++) {
        await onHypothesis?.({
          type: "partial",
          committed: "",
          tentative: "слово ".repeat(1000),
          words: [],
          confidence: undefined,
          endpointReason: undefined,
          speechFinal: false,
        });
      }
      return [];
    };
    const running = await start({ engine, timing: { slowReaderMs: 300 } });
    const client = openRaw(running.port);
    client.socket.pause();
    client.write(`POST /v1/transcribe/stream HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc`);
    await expect.poll(() => running.runtime.context.admission.available).toBe(3);
    await expectIdle(running);
    client.socket.destroy();
  });
});

describe("connections", () => {
  it("answers pipelined requests in order", async () => {
    const { port } = await start({ engine: createPacedEngine({ transcribeMs: 30 }) });
    const client = openRaw(port);
    client.write(
      `POST /v1/transcribe?format=txt HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc` +
        `GET /health HTTP/1.1\r\nHost: a\r\n\r\n` +
        `POST /v1/transcribe?format=txt HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nConnection: close\r\n\r\nabcd`,
    );
    const text = await client.ended;
    expect([...text.matchAll(/3 bytes|"status":"ok"|4 bytes/g)].map(([found]) => found)).toEqual([
      "3 bytes",
      '"status":"ok"',
      "4 bytes",
    ]);
  });

  it("answers a thousand pipelined uploads one at a time, while another client is served", async () => {
    const running = await start({
      engine: createPacedEngine({ transcribeMs: 2 }),
      config: { pool: { size: 1, queue: 2 } },
    });
    const client = openRaw(running.port);
    const one = "POST /v1/transcribe HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    client.write(one.repeat(1000));
    client.write("GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    await client.until(/3 bytes/);
    expect(running.runtime.context.exchanges.size).toBeLessThanOrEqual(1);
    const other = await fetch(`${running.url}/v1/transcribe`, { method: "POST", body: "abc" });
    expect(other.status).toBe(200);
    const text = await client.ended;
    const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    expect(statuses).toHaveLength(1001);
    expect(new Set(statuses)).toEqual(new Set(["200"]));
    await expectIdle(running);
  });

  it("stops reading a client that pipelines without end, also when it packs thousands of requests into one packet", async () => {
    const running = await start({ engine: createPacedEngine({ transcribeMs: 1500 }) });
    const client = openRaw(running.port);
    client.write("POST /v1/transcribe HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    await expect.poll(() => running.runtime.context.exchanges.size).toBe(1);
    // 8 MB in requests of 8 KB: far more than sockets buffer.
    client.write(`GET /v1/models HTTP/1.1\r\nHost: a\r\nX-Long: ${"x".repeat(8000)}\r\n\r\n`.repeat(1000));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(client.socket.writableLength).toBeGreaterThan(0);
    client.socket.destroy();
    // It is noticed when the answer is written.
    await expectIdle(running);

    const packed = openRaw(running.port);
    packed.write("POST /v1/transcribe HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    await expect.poll(() => running.runtime.context.exchanges.size).toBe(1);
    packed.write("GET / HTTP/1.1\r\n\r\n".repeat(3000));
    // The rest of the packet waits with the connection: nothing is cut, and the first request behind gets its answer.
    expect([...(await packed.ended).matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(["200", "400"]);
    await expectIdle(running);
  });

  it("forgets pipelined requests whose connection breaks before their turn: a drain does not wait for them", async () => {
    const running = await start({ engine: createPacedEngine({ transcribeMs: 500 }) });
    const client = openRaw(running.port);
    client.write("POST /v1/transcribe HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    client.write("GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20));
    await expect.poll(() => running.runtime.context.exchanges.size).toBe(1);
    client.socket.destroy();
    await expectIdle(running);
    expect((await running.runtime.drain.begin("test")).cut).toBe(0);
  });

  const UPLOAD = "POST /v1/transcribe HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
  const GET = "GET /health HTTP/1.1\r\nHost: a\r\n";
  const statuses = (text: string): string[] =>
    [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status ?? "");

  const behindAnUpload: [string, string, string[]][] = [
    ["an unknown expectation", `${GET}Expect: foo\r\n\r\n`, ["200", "417"]],
    ["CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", ["200", "405"]],
    ["garbage", "GARBAGE\r\n\r\n", ["200", "400"]],
    ["a refused upgrade", `${UPGRADE.replace("/v1/ws", "/nope")}`, ["200", "404"]],
    ["a WebSocket", `${UPGRADE}${clientFrame(8, Buffer.from([3, 232])).toString("latin1")}`, ["200", "101"]],
    ["a broken body", `${head("Transfer-Encoding: chunked")}zz\r\n`, ["200", "400"]],
    ["too many headers", `${GET}${"a:\r\n".repeat(300)}\r\n`, ["200", "431"]],
    [
      "an h2c offer, an upload and a closing request",
      `${GET}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n${UPLOAD}${GET}Connection: close\r\n\r\n`,
      ["200", "200", "200", "200"],
    ],
    ["requests behind a closing one", `${GET}Connection: close\r\n\r\n${UPLOAD}${UPGRADE}GARBAGE`, ["200", "200"]],
  ];
  it.each(behindAnUpload)("answers an upload first, then what is behind it: %s", async (_name, behind, expected) => {
    const running = await start({ engine: createPacedEngine({ transcribeMs: 30 }) });
    const client = openRaw(running.port);
    client.socket.write(Buffer.from(UPLOAD + behind, "latin1"));
    const text = await client.ended;
    expect(statuses(text)).toEqual(expected);
    expect(text.indexOf("3 bytes")).toBeLessThan(text.lastIndexOf("HTTP/1.1"));
    client.socket.destroy();
    await expectIdle(running);
  });

  it("gives a pipelined request its own time: the limit for slow readers of the earlier answer does not end it", async () => {
    const { port } = await start({ engine: createPacedEngine({ transcribeMs: 500 }), timing: { slowReaderMs: 100 } });
    const client = openRaw(port);
    client.write(`${GET}\r\n${UPLOAD}${GET}Connection: close\r\n\r\n`);
    expect(statuses(await client.ended)).toEqual(["200", "200", "200"]);
  });

  it("keeps what a WebSocket client sends while its upgrade waits", async () => {
    const { port } = await start({ engine: createPacedEngine({ transcribeMs: 300 }) });
    const client = openRaw(port);
    client.write(UPLOAD + UPGRADE);
    client.write(clientFrame(1, Buffer.from('{"type":"configure","sample_rate":16000}')));
    for (let n = 0; n < 10; n++) {
      client.write(clientFrame(2, Buffer.alloc(3200)));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    client.write(clientFrame(1, Buffer.from('{"type":"stop"}')));
    expect(await client.ended).toContain("32000 bytes");
  });

  it("goes on with an answer that its client reads slowly while an upgrade waits behind it", async () => {
    const engine = createPacedEngine();
    engine.transcribe = async ({ onHypothesis }) => {
      const partial = { committed: "", tentative: "слово ".repeat(500), words: [], confidence: undefined } as const;
      for (let n = 0; n < 2000; n++)
        await onHypothesis?.({ ...partial, type: "partial", endpointReason: undefined, speechFinal: false });
      return [];
    };
    const { port } = await start({ engine });
    const client = openRaw(port);
    client.write(`POST /v1/transcribe/stream HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc${UPGRADE}`);
    client.write(clientFrame(1, Buffer.from('{"type":"stop"}')));
    for (let n = 0; n < 20; n++) {
      client.socket.pause();
      await new Promise((resolve) => setTimeout(resolve, 20));
      client.socket.resume();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const text = await client.ended;
    expect(statuses(text)).toEqual(["200", "101"]);
    expect(text.match(/"type":"partial"/g)?.length).toBe(2000);
  });

  it("serves two hundred h2c offers on one connection without leaving listeners behind", async () => {
    const warnings: unknown[] = [];
    const listener = (warning: Error): unknown => warnings.push(warning.message);
    process.on("warning", listener);
    const { port } = await start();
    const client = openRaw(port);
    client.write(`${GET}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n`.repeat(200) + `${GET}Connection: close\r\n\r\n`);
    expect(statuses(await client.ended)).toEqual(Array.from({ length: 201 }, () => "200"));
    process.off("warning", listener);
    expect(warnings).toEqual([]);
  });

  it("serves a request that offers another protocol as if it had not, body and connection included", async () => {
    const { port } = await start();
    const client = openRaw(port);
    const offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n";
    client.write(`POST /v1/transcribe?format=txt HTTP/1.1\r\nHost: a\r\n${offer}Content-Length: 9\r\n\r\nabc`);
    client.write("defghi");
    await client.until(/9 bytes/);
    client.write(`GET /health HTTP/1.1\r\nHost: a\r\n${offer}\r\n`);
    await client.until(/"status":"ok"/);
    client.write("GET /ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(await client.ended).toContain('"status":"ready"');
  });

  it("keeps a connection for the next request", async () => {
    const { port } = await start();
    const client = openRaw(port);
    client.write("GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.until(/"status":"ok"/);
    client.write("GET /ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(await client.ended).toContain('"status":"ready"');
  });

  it("reads a body of one-byte chunks without an object per byte", async () => {
    const running = await start();
    const client = openRaw(running.port);
    client.write(head("Transfer-Encoding: chunked", "Connection: close"));
    client.write("1\r\nx\r\n".repeat(6000));
    await expect.poll(() => running.runtime.context.uploads.heldBytes).toBe(8192);
    client.write("0\r\n\r\n");
    expect(await client.ended).toContain('"text":"6000 bytes"');
  });

  it("refuses a body of very small chunks once its client has used up its thread time", async () => {
    const running = await start();
    const client = openRaw(running.port);
    client.write(head("Transfer-Encoding: chunked"));
    const chunks = "1\r\nx\r\n".repeat(10_000);
    const flood = setInterval(() => {
      while (client.socket.writable && client.socket.writableLength < 500_000) client.write(chunks);
    }, 5);
    const answer = await client.until(/"code":"/).finally(() => clearInterval(flood));
    expect(parseAnswer(answer)).toMatchObject({ status: 400, headers: { connection: "close" } });
    expect(answer).toContain("very small chunks; send chunks of 1 KiB or more");
    client.socket.destroy();
    await expectIdle(running);
  });

  it("holds uploads to their share of memory, lets the oldest finish, and refuses what waited too long", async () => {
    const running = await start({
      config: { limits: { bodyBytes: 1_000_000 }, pool: { size: 1, checkoutTimeoutMs: 300 } },
    });
    const [first, second] = [openRaw(running.port), openRaw(running.port)];
    const half = "x".repeat(450_000);
    first.write(head("Content-Length: 900000", "Connection: close") + half);
    await expect.poll(() => running.runtime.context.uploads.heldBytes).toBeGreaterThan(440_000);
    second.write(head("Content-Length: 900000", "Connection: close") + half + half);
    const refused = parseAnswer(await second.until(/"code":"/));
    expect([refused.status, coded(refused.body)]).toEqual([503, "timeout"]);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThanOrEqual(1);
    first.write(half);
    expect(await first.ended).toContain('"text":"900000 bytes"');
    second.socket.destroy();
    await expectIdle(running);
  });
});
