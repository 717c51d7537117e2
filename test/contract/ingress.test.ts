import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { afterEach, describe, expect, it } from "vitest";
import { wavFile } from "../../src/shared/wav.ts";
import { openKeyStore } from "../../src/store/keys.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";
import { connect } from "../support/ws-client.ts";

/** `server.ingressFrom`: what Home Assistant passes on for its signed-in users, and what others get. */

/** As Home Assistant's supervisor sends it: host and origin are Home Assistant's own. */
const FROM_HOME = {
  host: "home.example.org:8123",
  origin: "https://home.example.org:8123",
  "x-ingress-path": "/api/hassio_ingress/token",
  "x-forwarded-for": "192.0.2.7, 172.30.32.1",
  "x-forwarded-proto": "https",
};
const SECOND = Buffer.from(wavFile(new Int16Array(16_000)));

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(ingressFrom: readonly string[]): Promise<TestServer> {
  const dir = mkdtempSync(join(tmpdir(), "gigastt-ingress-"));
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
  const server = await startTestServer({
    config: { auth: { keys: "required" }, server: { ingressFrom } },
    keyStore: openKeyStore(join(dir, "keys.sqlite")),
  });
  cleanups.push(() => server.close());
  return server;
}

async function ask(
  server: TestServer,
  path: string,
  body?: Buffer,
): Promise<{ status: number; text: string; policy: string }> {
  const {
    statusCode,
    headers,
    body: answer,
  } = await request(`${server.url}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: FROM_HOME,
    ...(body === undefined ? {} : { body }),
  });
  return { status: statusCode, text: await answer.text(), policy: String(headers["content-security-policy"]) };
}

describe("users whom a proxy signed in", () => {
  it("see the console in a frame of the same origin, transcribe and read the status without a key", async () => {
    const server = await start(["127.0.0.1/32"]);
    const page = await ask(server, "/");
    expect([page.status, page.policy]).toEqual([200, expect.stringContaining("frame-ancestors 'self'")]);
    expect(JSON.parse((await ask(server, "/console/session")).text)).toMatchObject({ required: false, operator: true });
    expect((await ask(server, "/v1/transcribe", SECOND)).status).toBe(200);
    expect((await ask(server, "/console/status")).status).toBe(200);
    const socket = await connect(server.url.replace("http", "ws") + "/v1/ws", { headers: FROM_HOME });
    expect(await socket.next()).toMatchObject({ type: "ready" });
    socket.socket.close();
  });

  it("are only those: from any other address the same requests are refused", async () => {
    for (const ingressFrom of [[], ["172.30.32.2/32"]]) {
      const server = await start(ingressFrom);
      const statuses = await Promise.all(
        [ask(server, "/"), ask(server, "/v1/transcribe", SECOND), ask(server, "/console/status")].map(
          async (answer) => (await answer).status,
        ),
      );
      expect(statuses).toEqual([403, 403, 403]);
    }
  });

  it("lose it with the next reload", async () => {
    const server = await start(["127.0.0.1/32"]);
    const { current } = server.runtime.context.settings;
    expect(server.runtime.reload({ ...current, server: { ...current.server, ingressFrom: [] } })).toBeUndefined();
    expect((await ask(server, "/v1/transcribe", SECOND)).status).toBe(403);
  });
});
