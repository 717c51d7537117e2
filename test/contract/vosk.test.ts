import { afterEach, describe, expect, it } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { ConfigChanges, TestServer } from "../support/runtime-server.ts";
import { silence, sound } from "../support/wyoming-client.ts";
import { WebSocket } from "ws";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface VoskClient {
  readonly socket: WebSocket;
  readonly answers: Record<string, unknown>[];
  /** Sends and waits for one answer, as vosk-server's own clients do. */
  ask(message: string | Uint8Array): Promise<Record<string, unknown>>;
  readonly closed: Promise<number>;
}

async function start(
  config: ConfigChanges = {},
  options: Parameters<typeof startTestServer>[0] = {},
): Promise<TestServer & { readonly vosk: number; open(headers?: Record<string, string>): Promise<VoskClient> }> {
  const server = await startTestServer({
    engine: createFakeEngine(),
    config,
    timing: { closeGraceMs: 200 },
    ...options,
  });
  const { port } = await server.runtime.listenFor("vosk", { host: "127.0.0.1", port: 0 });
  const sockets: WebSocket[] = [];
  cleanups.push(async () => {
    for (const socket of sockets) socket.terminate();
    await server.close();
  });
  return {
    ...server,
    vosk: port,
    open: async (headers = {}) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers });
      sockets.push(socket);
      const answers: Record<string, unknown>[] = [];
      const closed = new Promise<number>((resolve) => socket.once("close", resolve));
      socket.on("message", (data: Buffer) => answers.push(JSON.parse(data.toString()) as Record<string, unknown>));
      await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
      socket.on("error", () => {});
      const ask = async (message: string | Uint8Array): Promise<Record<string, unknown>> => {
        const next = new Promise<Buffer>((resolve) => socket.once("message", resolve));
        socket.send(message);
        return JSON.parse((await next).toString()) as Record<string, unknown>;
      };
      return { socket, answers, ask, closed };
    },
  };
}

/** Frames in lock-step, each answered by one message. */
async function speak(client: VoskClient, audio: Buffer, bytes: number): Promise<void> {
  for (let at = 0; at < audio.length; at += bytes) await client.ask(audio.subarray(at, at + bytes));
}

describe("vosk-server's own clients", () => {
  it("are heard also while the model loads: a telephone does not call again", async () => {
    const server = await start({}, { engine: createFakeEngine({ loadMs: 300 }), start: false });
    const client = await server.open();
    for (let at = 0; at < 3; at++) client.socket.send(sound(0.4, 8000));
    client.socket.send('{"eof" : 1}');
    await server.runtime.start();
    await client.closed;
    expect(client.answers.at(-1)).toMatchObject({ text: "раз два три" });
  });

  it("set the rate, send frame by frame, read one answer for each, and the result after eof", async () => {
    const server = await start();
    const client = await server.open();
    client.socket.send('{ "config" : { "sample_rate" : 16000 } }');
    await speak(client, sound(1.2), 8000);
    expect(await client.ask('{"eof" : 1}')).toEqual({ text: "раз два три" });
    expect(await client.closed).toBe(1000);
    expect(client.answers).toHaveLength(6);
  });

  it("ask for words with times, or for alternatives", async () => {
    const server = await start();
    const words = await server.open();
    words.socket.send(
      JSON.stringify({ config: { sample_rate: 16_000, words: true, phrase_list: ["раз"], model: "x" } }),
    );
    await speak(words, sound(1), 3200);
    expect(await words.ask('{"eof":1}')).toEqual({
      text: "раз два",
      result: ["раз", "два"].map((word) => ({
        word,
        conf: 0.9,
        start: expect.any(Number),
        end: expect.any(Number),
      })),
    });
    const list = await server.open();
    list.socket.send(JSON.stringify({ config: { sample_rate: 16_000, max_alternatives: 3 } }));
    await speak(list, sound(1), 3200);
    expect(await list.ask('{"eof" : 1}')).toEqual({ alternatives: [{ confidence: 0.9, text: "раз два" }] });
  });

  it("reset the recogniser and go on, with times from the start of the audio", async () => {
    const server = await start();
    const client = await server.open();
    client.socket.send('{"config" : {"sample_rate" : 16000, "words" : true}}');
    await speak(client, sound(1.2), 3200);
    expect(await client.ask('{"reset" : 1}')).toMatchObject({ text: "раз два три" });
    await speak(client, sound(0.6), 3200);
    const last = (await client.ask('{"eof" : 1}')) as { text: string; result: { start: number }[] };
    expect(last.text).toBe("раз два");
    expect(last.result[0]?.start).toBeGreaterThanOrEqual(1.1);
  });

  it("without a word of audio get an empty result", async () => {
    const server = await start();
    const client = await server.open();
    expect(await client.ask('{"eof" : 1}')).toEqual({ text: "" });
    expect(await client.closed).toBe(1000);
  });
});

describe("telephony", () => {
  it("FreeSWITCH and Asterisk send no config: frames of 3200 bytes are 8 kHz", async () => {
    const server = await start();
    const client = await server.open();
    await speak(client, Buffer.concat([sound(1.2, 8000), silence(2, 8000)]), 3200);
    await expect
      .poll(async () => {
        await client.ask(silence(0.2, 8000));
        return client.answers.filter((answer) => answer["text"] !== undefined);
      })
      .toEqual([{ text: "раз два три" }]);
    // FreeSWITCH takes every answer with "" in it for an empty one.
    for (const answer of client.answers)
      if (answer["text"] !== undefined) expect(JSON.stringify(answer)).not.toContain('""');
  });

  it("Jigasi writes its rate as a float and waits for the server to close after eof", async () => {
    const server = await start();
    const client = await server.open();
    client.socket.send('{"config" : {"sample_rate" : 48000.0 }}');
    for (let at = 0, audio = sound(1.2, 48_000); at < audio.length; at += 9600)
      client.socket.send(audio.subarray(at, at + 9600));
    client.socket.send('{"eof" : 1}');
    expect(await client.closed).toBe(1000);
    expect(client.answers.at(-1)).toEqual({ text: "раз два три" });
  });

  it("FreeSWITCH closes TCP without a Close: no error, and nothing is left behind", async () => {
    const server = await start();
    const client = await server.open();
    await client.ask(sound(0.5, 8000));
    client.socket.terminate();
    await expect.poll(() => server.runtime.context.sessions.size).toBe(0);
    expect(server.runtime.context.admission.available).toBe(server.runtime.context.admission.total);
    expect(server.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});

describe("what a client does wrong", () => {
  it("is answered by a coded error, and ends the session when it goes on", async () => {
    const server = await start();
    const client = await server.open();
    expect(await client.ask('{"config" : {"sample_rate" : 1}}')).toMatchObject({ code: "invalid_sample_rate" });
    for (let count = 0; count < 10; count++) client.socket.send("hello");
    expect(await client.closed).toBe(1008);
  });

  it("a page of another origin, a plain request and an unknown host are refused", async () => {
    const server = await start();
    await expect(server.open({ origin: "https://evil.example" })).rejects.toThrow("403");
    await expect(server.open({ host: "evil.example" })).rejects.toThrow("403");
    const answer = await fetch(`http://127.0.0.1:${server.vosk}/`);
    expect([answer.status, await answer.json()]).toEqual([426, expect.objectContaining({ code: "bad_request" })]);
  });
});

it("a drain sends the last result, then closes with 1001", async () => {
  const server = await start();
  const client = await server.open();
  await speak(client, sound(1.2, 8000), 3200);
  const report = await server.runtime.drain.begin("test");
  expect(await client.closed).toBe(1001);
  expect(client.answers.at(-1)).toEqual({ text: "раз два три" });
  expect(report).toMatchObject({ sessionsFlushed: 1, cut: 0 });
});
