import { describe, expect, it } from "vitest";
import { CROSS_RULES } from "../../../src/config/rules/all.ts";
import { settableKeys } from "../../../src/config/schema/node.ts";
import { configSchema } from "../../../src/config/schema/schema.ts";
import { load, warnings } from "./_load.ts";

const odd = (text: string): Promise<string> => warnings(load(text));

describe("legal but odd values are warned about", () => {
  it("none for an empty configuration", async () => {
    expect(await odd("")).toBe("");
  });
  it("a session cap below the idle timeout", async () => {
    expect(await odd("session:\n  maxDuration: 200s\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:16 session.maxDuration: ends every session before session.idleTimeout can, found 3m20s against 5m; lower idleTimeout or raise maxDuration"`,
    );
    expect(await odd("session:\n  maxDuration: 0\n")).toBe("");
  });
  it("a ping that never comes", async () => {
    expect(await odd("session:\n  idleTimeout: 20s\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:16 session.pingInterval: is longer than session.idleTimeout: no ping is ever sent, found 30s against 20s; set pingInterval to 5s"`,
    );
  });
  it("a pool and threads beyond the machine", async () => {
    expect(await odd("pool:\n  size: 17\nengine:\n  workers: 2\n  threads: 4\n")).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:9 pool.size: is more than four sessions for each of this machine's 4 cores: all of them may lag, found 17; start with 8 and measure
      gigastt.config.yaml:4:12 engine.workers: asks for more than this machine's 4 cores: recognition gets slower, not faster, found 2 × 4 threads; write auto"
    `);
  });
  it("a drain longer than any session", async () => {
    expect(await odd("session:\n  maxDuration: 6m\nshutdown:\n  drain: 10m\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:4:10 shutdown.drain: is longer than the longest session can last, found 10m against 6m; a drain of 10s to 1m is usual; every grace period grows with it"`,
    );
  });
  it("a rate limit whose burst exceeds the minute", async () => {
    expect(await odd("rateLimit:\n  perMinute: 6\n  burst: 10\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:3:10 rateLimit.burst: allows more requests at once than rateLimit.perMinute allows in a minute, found 10 against 6; set burst to 1"`,
    );
  });
  it("no waiting line, or one nobody can use", async () => {
    expect(await odd("pool:\n  queue: 0\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:10 pool.queue: leaves no queue: while all sessions are in use, new requests are refused, found 0; a few times pool.size is usual"`,
    );
    expect(await odd("pool:\n  checkoutTimeout: 0\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:20 pool.queue: has no effect while pool.checkoutTimeout is 0: requests do not wait, found 32; set checkoutTimeout, for example 30s"`,
    );
    expect(await odd("pool:\n  checkoutTimeout: 0\n  queue: 0\n")).toBe("");
  });
  it("a wait longer than the work", async () => {
    expect(await odd("limits:\n  requestBudget: 20s\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:18 pool.checkoutTimeout: allows clients to wait longer than the transcription itself may take, found 30s against 20s; lower checkoutTimeout"`,
    );
  });
  it("every page allowed", async () => {
    expect(await odd("server:\n  corsAllowAny: true\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:17 server.corsAllowAny: allows any web page to use this service from its visitors' browsers; list the pages in server.allowedOrigins instead"`,
    );
  });
  it("everybody believed as a proxy, and a network with host bits", async () => {
    expect(await odd("server:\n  trustedProxies: [0.0.0.0/0]\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:19 server.trustedProxies: trusts X-Forwarded-For from any client: clients can forge their address and evade the rate limit, found 0.0.0.0/0; list the proxy's own network only"`,
    );
    expect(await odd("server:\n  trustedProxies: [10.1.2.3/8]\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:19 server.trustedProxies: means the whole network 10.0.0.0/8, found 10.1.2.3/8; write that, or add /32 for one address"`,
    );
  });
  it("permissions without use", async () => {
    expect(await odd("server:\n  allowBindAny: true\n  lan: true\n")).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:17 server.allowBindAny: has no effect while server.host is 127.0.0.1; delete it, so that a later change of host is checked again
      gigastt.config.yaml:3:8 server.lan: has no effect while server.host is 127.0.0.1: no other device can connect; set server.host: 0.0.0.0 and server.allowBindAny: true"
    `);
  });
  it("an idle connection shorter than the proxy's", async () => {
    expect(await odd("server:\n  keepAliveTimeout: 5s\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:21 server.keepAliveTimeout: is not longer than the 30s that the rendered proxies keep idle connections: some requests may fail with 502, found 5s; write 65s"`,
    );
  });
  it("a frame larger than an upload, a mirror offline, a fake engine, a crash window too short", async () => {
    expect(
      await odd(
        "limits:\n  body: 64KiB\nmodel:\n  offline: true\n  mirror: https://m.example\nengine:\n  kind: fake\nsupervisor:\n  crashLimit: 20\n",
      ),
    ).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:9 limits.wsFrame: allows a WebSocket frame larger than a whole upload, found 512KiB against 64KiB; 512KiB holds five seconds of audio at the highest rate
      gigastt.config.yaml:5:11 model.mirror: has no effect while model.offline is true; delete one of them
      gigastt.config.yaml:7:9 engine.kind: answers fixed text instead of recognising speech; set engine.kind: onnx for real use
      gigastt.config.yaml:9:15 supervisor.crashWindow: is too short to hold 20 restarts with their delays: a crash loop is never detected, found 5m; raise crashWindow or lower crashLimit"
    `);
  });
});

describe("the rules themselves", () => {
  it("name only keys that exist", () => {
    const keys = settableKeys(configSchema);
    for (const rule of CROSS_RULES) for (const key of rule.keys) expect(keys.has(key), key).toBe(true);
  });
});
