import { afterEach, describe, expect, it } from "vitest";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";
import { connect } from "../support/ws-client.ts";

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

describe("WebSocket session", () => {
  it("says ready, takes audio, answers stop with the final and closes 1000", async () => {
    server = await startTestServer();
    const client = await connect(`ws://127.0.0.1:${server.port}/v1/ws`);
    expect(await client.next()).toEqual({
      type: "ready",
      model: "stub",
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
    expect(await client.next()).toMatchObject({
      type: "final",
      text: "3201 bytes",
      is_final: true,
      speech_final: true,
    });
    expect(await client.closed).toEqual({ code: 1000, reason: "" });
    expect(server.runtime.context.admission.available).toBe(4);
  });
});
