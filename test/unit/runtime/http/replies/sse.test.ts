import { describe, expect, it } from "vitest";
import { createEventStream } from "../../../../../src/runtime/http/replies/sse.ts";

const options = { bufferBytes: 1000, stallMs: 50, pingMs: 60_000 };

async function readAll(body: ReadableStream<Uint8Array>): Promise<string> {
  return new Response(body).text();
}

describe("createEventStream", () => {
  it("writes one data line per event and ends", async () => {
    const stream = createEventStream(options);
    await stream.send({ type: "partial", text: "раз\nдва" });
    stream.end();
    expect(await readAll(stream.body)).toBe('data: {"type":"partial","text":"раз\\nдва"}\n\n');
  });

  it("writes a comment line in silence", async () => {
    const stream = createEventStream({ ...options, pingMs: 10 });
    const reader = stream.body.getReader();
    for (let n = 0; n < 2; n++) expect(new TextDecoder().decode((await reader.read()).value)).toBe(": ping\n\n");
    stream.end();
  });

  it("waits for a slow reader and goes on when it reads", async () => {
    const stream = createEventStream({ ...options, stallMs: 10_000 });
    let sent = false;
    const sending = stream.send("x".repeat(2000)).then(() => (sent = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(sent).toBe(false);
    const reader = stream.body.getReader();
    await reader.read();
    await sending;
    stream.end();
  });

  it("gives up on a reader that reads nothing", async () => {
    const stream = createEventStream(options);
    await expect(stream.send("x".repeat(2000))).rejects.toMatchObject({ wireCode: "policy_violation" });
    stream.end();
  });

  it("does nothing more after the client cancelled", async () => {
    const stream = createEventStream(options);
    await stream.body.cancel();
    expect(stream.cancelled).toBe(true);
    await stream.send("x".repeat(5000));
    stream.end();
  });

  it("releases a waiting sender when the client cancels", async () => {
    const stream = createEventStream({ ...options, stallMs: 60_000 });
    const sending = stream.send("x".repeat(2000));
    await stream.body.cancel();
    await sending;
  });
});
