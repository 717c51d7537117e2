import { afterEach, describe, expect, it } from "vitest";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

describe("HTTP", () => {
  it("answers /health while the model loads, and /ready only after it", async () => {
    server = await startTestServer({ start: false });
    expect(await (await fetch(`${server.url}/health`)).json()).toMatchObject({ status: "ok", model: "loading" });
    const before = await fetch(`${server.url}/ready`);
    expect([before.status, await before.json()]).toEqual([
      503,
      { status: "not_ready", reason: "initializing", pool_available: 4, pool_total: 4 },
    ]);
    const refused = await fetch(`${server.url}/v1/transcribe`, { method: "POST", body: "x" });
    expect([refused.status, await refused.json()]).toEqual([
      503,
      { error: "the model is still loading", code: "initializing", retry_after_ms: 5000 },
    ]);
    await server.runtime.start();
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
    expect(await (await fetch(`${server.url}/health`)).json()).toMatchObject({ status: "ok", model: "stub" });
  });

  it("transcribes a body and gives the slot back", async () => {
    server = await startTestServer();
    const response = await fetch(`${server.url}/v1/transcribe`, { method: "POST", body: new Uint8Array(100_000) });
    expect([response.status, await response.json()]).toEqual([
      200,
      { text: "100000 bytes", words: [], duration: 3.125 },
    ]);
    expect(server.runtime.context.admission.available).toBe(4);
    expect(server.runtime.context.uploads.heldBytes).toBe(0);
  });

  it("refuses a declared body over the limit before reading it, and a streamed one while reading", async () => {
    server = await startTestServer({ config: { limits: { bodyBytes: 70_000 } } });
    const declared = await fetch(`${server.url}/v1/transcribe`, { method: "POST", body: new Uint8Array(70_001) });
    expect([declared.status, await declared.json()]).toMatchObject([413, { code: "payload_too_large" }]);
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(30_000)),
    });
    const streamed = await fetch(`${server.url}/v1/transcribe`, { method: "POST", body, duplex: "half" });
    expect([streamed.status, await streamed.json()]).toMatchObject([413, { code: "payload_too_large" }]);
    expect(server.runtime.context.uploads.heldBytes).toBe(0);
  });
});
