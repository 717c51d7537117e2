import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { openRaw } from "../support/raw-http.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";
import { connect } from "../support/ws-client.ts";
import type { Message, WsClient } from "../support/ws-client.ts";
import { UPGRADE, clientFrame } from "../support/ws-frames.ts";

/** Conversations as the published clients of the Rust server have them, and the fields their code reads. */
const wav = readFileSync(new URL("../fixtures/eval/dev_espeak_07.wav", import.meta.url));
const pcm = wav.subarray(44);
const STOP = { type: "stop" };

let server: TestServer;
afterEach(() => server.close());
const start = async (): Promise<void> => {
  server = await startTestServer({ engine: createFakeEngine() });
};
const open = (path = "/v1/ws"): Promise<WsClient> => connect(`ws://127.0.0.1:${server.port}${path}`);
const slotsAreBack = (): Promise<void> => expect.poll(() => server.runtime.context.admission.available).toBe(4);

function expectPublishedShape(message: Message): void {
  switch (message.type) {
    case "ready":
      expect(message).toMatchObject({
        model: expect.any(String),
        sample_rate: 48000,
        version: expect.stringMatching(/^1\.\d$/),
      });
      break;
    case "partial":
    case "final":
      expect(message).toMatchObject({
        text: expect.any(String),
        timestamp: expect.any(Number),
        words: expect.any(Array),
      });
      for (const word of message["words"] as unknown[]) {
        expect(word).toEqual({
          word: expect.any(String),
          start: expect.any(Number),
          end: expect.any(Number),
          confidence: expect.any(Number),
        });
      }
      break;
    case "error":
      expect(message).toMatchObject({ message: expect.any(String), code: expect.any(String) });
      break;
    default:
      expect.fail(`unknown type ${message.type}`);
  }
}

describe("published clients", () => {
  it("configure at 16 kHz, frames of PCM16, stop: partials, a final with the words, close 1000", async () => {
    await start();
    const client = await open();
    await client.nextOf("ready");
    client.send({ type: "configure", sample_rate: 16000, punctuation: true, itn: false, diarization: false });
    for (let at = 0; at < pcm.length; at += 3200) client.audio(pcm.subarray(at, at + 3200));
    client.send(STOP);
    expect(await client.closed).toEqual({ code: 1000, reason: "" });
    client.received.forEach(expectPublishedShape);
    expect(client.received.at(-1)).toMatchObject({ type: "final" });
    const words = client.received
      .filter(({ type }) => type === "final")
      .flatMap((message) => message["words"] as unknown[]);
    expect(words.length).toBeGreaterThan(0);
    expect(client.received.some(({ type }) => type === "error")).toBe(false);
  });

  it("Go and Rust: 32 KiB frames and stop without waiting for ready, leave at the first final without a Close", async () => {
    await start();
    const raw = openRaw(server.port);
    raw.write(UPGRADE);
    for (let at = 0; at < pcm.length; at += 32_768) raw.write(clientFrame(2, pcm.subarray(at, at + 32_768)));
    raw.write(clientFrame(1, Buffer.from(JSON.stringify(STOP))));
    await raw.until(/"type":"ready"[^]*"type":"final"/);
    raw.socket.destroy();
    await slotsAreBack();
  });

  it("Kotlin: everything after ready at the default rate, its own Close after the final", async () => {
    await start();
    const client = await open();
    await client.nextOf("ready");
    for (let at = 0; at < pcm.length; at += 32_768) client.audio(pcm.subarray(at, at + 32_768));
    client.send(STOP);
    await client.nextOf("final");
    client.socket.close(1000);
    expect((await client.closed).code).toBe(1000);
    await slotsAreBack();
  });

  it("Python and JavaScript: half-second chunks, a Close without stop", async () => {
    await start();
    const client = await open("/ws");
    await client.nextOf("ready");
    for (let at = 0; at < 64_000; at += 16_000) {
      client.audio(pcm.subarray(at, at + 16_000));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    client.socket.close();
    expect((await client.closed).code).toBe(1005);
    client.received.forEach(expectPublishedShape);
    await slotsAreBack();
  });

  it("REST: the file as the body with any content type, text and words in the answer, a job for curl", async () => {
    await start();
    for (const type of ["audio/wav", "application/octet-stream", "application/x-www-form-urlencoded", "text/plain"]) {
      const response = await fetch(`${server.url}/v1/transcribe`, {
        method: "POST",
        body: wav,
        headers: { "content-type": type },
      });
      expect([response.status, await response.json()], type).toMatchObject([
        200,
        { text: expect.stringMatching(/\S/), words: expect.any(Array), duration: expect.any(Number) },
      ]);
    }
  });

  it("SSE: events that an EventSource parser reads, segments of the same shape as the socket's", async () => {
    await start();
    const response = await fetch(`${server.url}/v1/transcribe/stream`, { method: "POST", body: wav });
    const events = (await response.text()).split("\n\n").filter((event) => event.startsWith("data: "));
    expect(events.length).toBeGreaterThan(0);
    for (const event of events) expectPublishedShape(JSON.parse(event.slice(6)) as Message); // checked by the function
  });
});
