import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { statSync } from "node:fs";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Question } from "../../src/shared/process/messages.ts";
import { startTestServer, type TestServer } from "../support/runtime-server.ts";

// What a browser and a cache see of the console, before any program of it runs.
describe("the console over HTTP", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.close());

  const get = async (path: string, headers: Record<string, string> = {}, method: "GET" | "HEAD" = "GET") => {
    const answer = await request(`${server.url}${path}`, { headers, method });
    return { status: answer.statusCode, headers: answer.headers, body: Buffer.from(await answer.body.arrayBuffer()) };
  };
  const addressOf = async (name: string): Promise<string> => {
    const page = (await get("/")).body.toString();
    return `/${new RegExp(`console/${name}\\?v=[\\w-]+`).exec(page)?.[0]}`;
  };

  it("answers a page with a fresh nonce and a policy that allows its own files only", async () => {
    const [first, second] = [await get("/"), await get("/")];
    expect(first.status).toBe(200);
    expect(first.headers["cache-control"]).toBe("no-store");
    const nonce = /'nonce-([^']+)'/.exec(String(first.headers["content-security-policy"]))?.[1] ?? "";
    expect(nonce.length).toBeGreaterThan(20);
    expect(first.body.toString()).toContain(`data-nonce="${nonce}"`);
    expect(String(first.headers["content-security-policy"]).replace(nonce, "N")).toMatchInlineSnapshot(
      `"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-N'; img-src 'self' data:; connect-src 'self'; media-src 'self' blob:; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"`,
    );
    expect(second.body.toString()).not.toContain(nonce);
    expect(first.headers["permissions-policy"]).toContain("microphone=(self)");
    // Below any path of a proxy: no address begins at the root, and none is of another host.
    expect(first.body.toString()).not.toMatch(/(?:src|href)="(?:\/|https?:)/);
  });

  it("closes every other answer", async () => {
    for (const path of ["/health", "/v1/models", "/nothing", "/console/nothing"]) {
      const { headers } = await get(path);
      expect(headers["content-security-policy"]).toContain("default-src 'none'");
      expect(headers["permissions-policy"]).toContain("microphone=()");
    }
  });

  it("delivers its files in the encoding that is asked for, to be kept for a year at an address with their version", async () => {
    const address = await addressOf("app.js");
    const plain = await get(address);
    expect(plain.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    expect(plain.headers["content-encoding"]).toBeUndefined();
    const br = await get(address, { "accept-encoding": "gzip, deflate, br" });
    const gzip = await get(address, { "accept-encoding": "br;q=0, gzip" });
    expect([br.headers["content-encoding"], gzip.headers["content-encoding"]]).toEqual(["br", "gzip"]);
    expect(brotliDecompressSync(br.body).equals(plain.body)).toBe(true);
    expect(gunzipSync(gzip.body).equals(plain.body)).toBe(true);
    expect(plain.headers["vary"]).toContain("Accept-Encoding");
    const head = await get(address, { "accept-encoding": "br" }, "HEAD");
    expect([head.status, head.headers["content-encoding"], head.body.length]).toEqual([200, "br", 0]);

    const etag = String(br.headers["etag"]);
    const known = await get("/console/app.js", { "accept-encoding": "br", "if-none-match": `"x", W/${etag}` });
    expect([known.status, known.body.length]).toEqual([304, 0]);
    expect(known.headers["cache-control"]).toBe("no-cache");
    expect((await get("/console/app.js", { "if-none-match": etag })).status).toBe(200);
  });

  it("delivers nothing else, whatever the path says", async () => {
    for (const name of ["..%2f..%2fpackage.json", "app.js.br", "%00", "constructor", "__proto__", "app.js%2f", "%ff"]) {
      expect((await get(`/console/${name}`)).status, name).toBeGreaterThanOrEqual(400);
    }
  });

  it("is at most 120 KB compressed", () => {
    const names = [
      "app.js",
      "charts.js",
      "style.css",
      "charts-style.css",
      "worklet.js",
      "offline.js",
      "icon.svg",
      "manifest.webmanifest",
    ];
    const sizes = names.map((name) => statSync(new URL(`../../dist/console/${name}.br`, import.meta.url)).size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(120_000);
  });

  it("tells the status on its own machine alone", async () => {
    expect(JSON.parse((await get("/console/status")).body.toString())).toMatchObject({
      state: "ready",
      slots: { used: 0, total: 4 },
      live: { sessions: 0 },
      supervisor: null,
    });
    const others: readonly Record<string, string>[] = [
      { "x-forwarded-for": "127.0.0.1" },
      { forwarded: "for=127.0.0.1" },
      { via: "1.1 proxy" },
      { "x-real-ip": "127.0.0.1" },
      { host: "gigastt" },
      { origin: "https://evil.example" },
    ];
    for (const headers of others) {
      expect((await get("/console/status", headers)).status, JSON.stringify(headers)).toBe(403);
    }
  });

  it("is off at once, and on again, with console.enabled", async () => {
    const { current } = server.runtime.context.settings;
    const turn = (enabled: boolean): void => {
      expect(server.runtime.reload({ ...current, console: { ...current.console, enabled } })).toBeUndefined();
    };
    turn(false);
    for (const path of ["/", "/console/app.js", "/console/status"]) expect((await get(path)).status).toBe(404);
    expect((await get("/health")).status).toBe(200);
    turn(true);
    expect((await get("/")).status).toBe(200);
  });

  it("may be framed by the pages that the configuration names, and only by them", async () => {
    const { current } = server.runtime.context.settings;
    server.runtime.reload({ ...current, console: { enabled: true, frameOrigins: ["https://home.example.com"] } });
    const { headers } = await get("/");
    server.runtime.reload(current);
    expect(headers["content-security-policy"]).toContain("frame-ancestors https://home.example.com");
    expect(headers["x-frame-options"]).toBeUndefined();
  });
});

// What only a supervisor knows and can do, for callers that may.
describe("the console's way to the supervisor", () => {
  let server: TestServer;
  const asked: Question[] = [];
  beforeAll(async () => {
    server = await startTestServer({
      askSupervisor: (question) => {
        asked.push(question);
        return Promise.resolve({ answered: question.cmd });
      },
    });
  });
  afterAll(() => server.close());

  const ask = async (method: "GET" | "POST", path: string, headers: Record<string, string> = {}) => {
    asked.length = 0;
    const answer = await request(`${server.url}${path}`, { method, headers });
    return {
      status: answer.statusCode,
      body: (await answer.body.json()) as Record<string, unknown>,
      asked: [...asked],
    };
  };

  it("asks for figures, lines, settings and the audit", async () => {
    const parts: readonly (readonly [string, Question])[] = [
      ["history", { cmd: "series", range: "1h" }],
      ["history?range=30d", { cmd: "series", range: "30d" }],
      ["logs", { cmd: "log_lines" }],
      [
        "logs?process=runtime&level=warn&text=%3Cb%3E&since=2026-11-28T10:00:00Z&x=1",
        { cmd: "log_lines", process: "runtime", level: "warn", text: "<b>", since: "2026-11-28T10:00:00Z" },
      ],
      ["config", { cmd: "settings" }],
      ["audit", { cmd: "audit" }],
    ];
    for (const [part, question] of parts) {
      const found = await ask("GET", `/console/supervisor/${part}`);
      expect([found.status, found.asked], part).toEqual([200, [question]]);
    }
    for (const path of ["history?range=1y", "history?range=constructor", "logs?since=yesterday"])
      expect(await ask("GET", `/console/supervisor/${path}`), path).toMatchObject({ status: 400, asked: [] });
    for (const path of ["supervisor/x", "supervisor/__proto__", "supervisor/logs/x", "operations/reload"])
      expect((await ask("GET", `/console/${path}`)).asked, path).toEqual([]);
  });

  it("begins an operation for its own page alone", async () => {
    const own = { origin: server.url };
    expect(await ask("POST", "/console/operations/restart", own)).toMatchObject({
      status: 202,
      asked: [{ cmd: "begin", operation: "restart" }],
    });
    const others: readonly (readonly [string, Record<string, string>])[] = [
      ["reload", {}],
      ["reload", { origin: "https://evil.example" }],
      ["reload", { origin: server.url, "sec-fetch-site": "same-site" }],
      ["reload", { origin: server.url, "sec-fetch-site": "cross-site" }],
      ["reload", { origin: `http://127.0.0.1:${server.port + 1}` }],
      ["down", own],
      ["constructor", own],
    ];
    for (const [operation, headers] of others) {
      const { status, asked: questions } = await ask("POST", `/console/operations/${operation}`, headers);
      expect(questions, JSON.stringify(headers)).toEqual([]);
      expect(status).toBeGreaterThanOrEqual(400);
    }
  });

  it("is closed to everyone who came through a proxy or from elsewhere", async () => {
    const others: readonly Record<string, string>[] = [
      { "x-forwarded-for": "127.0.0.1" },
      { forwarded: "for=127.0.0.1" },
      { via: "1.1 proxy" },
      { "x-real-ip": "127.0.0.1" },
      { "x-forwarded-proto": "https" },
      { host: "gigastt" },
    ];
    for (const headers of others) {
      for (const [method, path] of [
        ["GET", "/console/supervisor/logs"],
        ["POST", "/console/operations/reload"],
      ] as const) {
        const found = await ask(method, path, { origin: server.url, ...headers });
        expect([found.status, found.asked], `${path} ${JSON.stringify(headers)}`).toEqual([403, []]);
      }
    }
  });

  it("passes a refusal of the supervisor on, and says where none runs", async () => {
    const bare = await startTestServer();
    try {
      const answer = await request(`${bare.url}/console/supervisor/logs`);
      expect([answer.statusCode, await answer.body.text()]).toEqual([
        404,
        expect.stringContaining("without a supervisor"),
      ]);
    } finally {
      await bare.close();
    }
  });
});
