import { afterEach, describe, expect, it } from "vitest";
import * as fc from "fast-check";
import { createLogger } from "../../src/shared/log.ts";
import { accessLine } from "../../src/runtime/http/connections/access-log.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";
import { connect } from "../support/ws-client.ts";

const RECORD = {
  timeMs: Date.UTC(2026, 10, 28, 9, 5, 7),
  client: "203.0.113.9",
  key: undefined,
  method: "POST",
  path: "/v1/transcribe",
  protocol: "HTTP/1.1",
  status: 200,
  bytes: 512,
  durationMs: 12.6,
  referer: "",
  userAgent: "curl/8",
  requestId: "r1",
};

describe("a line of the access log", () => {
  it("in the combined format", () => {
    expect(accessLine("combined", RECORD)).toBe(
      '203.0.113.9 - - [28/Nov/2026:09:05:07 +0000] "POST /v1/transcribe HTTP/1.1" 200 512 "-" "curl/8"',
    );
    expect(accessLine("combined", { ...RECORD, key: "my key" })).toContain("203.0.113.9 - my\\x20key [28/Nov");
  });

  it("as JSON", () => {
    expect(JSON.parse(accessLine("json", { ...RECORD, key: "laptop" }))).toEqual({
      level: "info",
      time: "2026-11-28T09:05:07.000Z",
      event: "access",
      request_id: "r1",
      client: "203.0.113.9",
      key: "laptop",
      method: "POST",
      path: "/v1/transcribe",
      protocol: "HTTP/1.1",
      status: 200,
      bytes: 512,
      ms: 13,
      user_agent: "curl/8",
    });
  });

  it("stays one line with the same fields, whatever a client sends", () => {
    const text = fc.string({ unit: "binary", maxLength: 40 });
    fc.assert(
      fc.property(text, text, text, text, (path, referer, userAgent, key) => {
        const line = accessLine("combined", { ...RECORD, path, referer, userAgent, key });
        expect(line).toMatch(
          /^203\.0\.113\.9 - [\x21-\x7e]* \[28\/Nov\/2026:09:05:07 \+0000\] "[\x20-\x21\x23-\x7e]*" 200 512 "[\x20-\x21\x23-\x7e]*" "[\x20-\x21\x23-\x7e]*"$/,
        );
        expect(accessLine("json", { ...RECORD, path, referer, userAgent, key })).not.toContain("\n");
      }),
    );
  });
});

describe("the access log of a server", () => {
  let server: TestServer | undefined;
  afterEach(() => server?.close());

  it("has a line for each request, without queries, and none for this machine's health checks", async () => {
    server = await startTestServer({ config: { log: { level: "error", access: "json" } } });
    const { lines, url, runtime } = server;
    runtime.context.log.setLevel("error");
    await fetch(`${url}/v1/models?api_key=gst_secret`, {
      headers: { "user-agent": "probe/1", referer: "https://app.example/?token=secret" },
    });
    await fetch(`${url}/health`);
    await fetch(`${url}/health`, { headers: { via: "1.1 proxy" } });
    await expect(connect(`${url.replace("http", "ws")}/nothing`)).rejects.toThrow("404");
    const session = await connect(`${url.replace("http", "ws")}/v1/ws?api_key=gst_secret`);
    session.socket.close();
    await expect.poll(() => lines.filter(({ event }) => event === "access").length).toBe(4);
    const seen = lines.filter(({ event }) => event === "access");
    expect(seen.map(({ path, status }) => [path, status])).toEqual([
      ["/v1/models", 200],
      ["/health", 200],
      ["/nothing", 404],
      ["/v1/ws", 101],
    ]);
    expect(seen[0]).toMatchObject({ client: "127.0.0.1", user_agent: "probe/1", referer: "https://app.example/" });
    expect(Number(seen[0]?.["bytes"])).toBeGreaterThan(200);
    expect(JSON.stringify(lines)).not.toContain("secret");
  });

  it("is off by default, and follows a reload", async () => {
    server = await startTestServer();
    const { lines, url, runtime } = server;
    await fetch(`${url}/v1/models`);
    expect(lines.filter(({ event }) => event === "access")).toEqual([]);
    const { current } = runtime.context.settings;
    runtime.reload({ ...current, log: { ...current.log, access: "json" } });
    await fetch(`${url}/v1/models`);
    await expect.poll(() => lines.filter(({ event }) => event === "access").length).toBe(1);
  });
});

describe("a logger", () => {
  it("writes a line of another format as it is, whatever the level", () => {
    const written: string[] = [];
    const log = createLogger({ level: "fatal", stream: { write: (line) => written.push(line) } });
    log.info("quiet");
    log.child({ a: 1 }).line("1.2.3.4 - -");
    expect(written).toEqual(["1.2.3.4 - -\n"]);
  });
});
