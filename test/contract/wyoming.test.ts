import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import type { FakeEngineOptions } from "../../src/engine/fake.ts";
import { createPacedEngine } from "../support/paced-engine.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { ConfigChanges, TestServer } from "../support/runtime-server.ts";
import { SHAPE, chunkBytes, openWyoming, silence, sound } from "../support/wyoming-client.ts";
import type { WyomingClient } from "../support/wyoming-client.ts";
import { openDescriptors } from "../support/memory.ts";
import { createRandom, mutate } from "../support/mutate.ts";
import { SEED, fuzzCases } from "../support/fuzz.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function start(
  options: Parameters<typeof startTestServer>[0] & { fake?: FakeEngineOptions } = {},
): Promise<TestServer & { readonly wyoming: number; open(): Promise<WyomingClient> }> {
  const { fake, ...rest } = options;
  const server = await startTestServer({ engine: createFakeEngine(fake), ...rest });
  const { port } = await server.runtime.listenFor("wyoming", { host: "127.0.0.1", port: 0 });
  const clients: WyomingClient[] = [];
  cleanups.push(async () => {
    for (const { socket } of clients) socket.destroy();
    await server.close();
  });
  const open = async (): Promise<WyomingClient> => {
    const client = await openWyoming({ port });
    clients.push(client);
    return client;
  };
  return { ...server, wyoming: port, open };
}

const typesOf = (client: WyomingClient): readonly string[] => client.events.map(({ type }) => type);
const chunksOf = (client: WyomingClient): string =>
  client.events
    .filter(({ type }) => type === "transcript-chunk")
    .map(({ data }) => data["text"])
    .join("");

function speak(client: WyomingClient, audio: Buffer, shape: typeof SHAPE = SHAPE): void {
  client.send("transcribe", { language: "ru" });
  client.send("audio-start", shape);
  for (let at = 0; at < audio.length; at += 2048) client.chunk(audio.subarray(at, at + 2048), shape);
  client.send("audio-stop");
}

describe("describe", () => {
  it("is answered before the model is loaded, with a program that Home Assistant can use", async () => {
    const server = await start({ start: false });
    const client = await server.open();
    client.send("describe");
    const { data } = await client.wait("info");
    expect(data).toMatchObject({
      asr: [
        {
          name: "gigastt",
          installed: true,
          supports_transcript_streaming: true,
          requires_external_vad: false,
          models: [{ installed: true, languages: ["ru"], attribution: { name: "GigaAM" } }],
        },
      ],
      tts: [],
    });
  });

  it("says that the client must find the end where the server does not", async () => {
    const server = await start({ config: { wyoming: { endpoint: "manual" } } });
    const client = await server.open();
    client.send("describe");
    expect((await client.wait("info")).data).toMatchObject({ asr: [{ requires_external_vad: true }] });
  });

  it("answers ping with its text, drops unknown events and select-program, payloads included", async () => {
    const server = await start();
    const client = await server.open();
    client.send("select-program", { name: "gigastt" });
    client.send("intent-started", { anything: [1, 2] });
    client.socket.write('{"type":"mystery","payload_length":5}\n{"ty}');
    client.send("ping", { text: "here" });
    expect((await client.wait("pong")).data).toEqual({ text: "here" });
    expect(typesOf(client)).toEqual(["pong"]);
  });
});

describe("a command", () => {
  it("comes back as streamed chunks, the transcript and its end, and the connection takes the next one", async () => {
    const server = await start();
    const client = await server.open();
    speak(client, sound(1.2));
    const { data } = await client.wait("transcript-stop").then(() => client.wait("transcript"));
    expect(data).toEqual({ text: "раз два три", language: "ru" });
    expect(chunksOf(client)).toBe("раз два три");
    expect(typesOf(client)).toEqual(["transcript-start", "transcript-chunk", "transcript", "transcript-stop"]);
    speak(client, sound(0.7));
    await expect.poll(() => client.events.length).toBe(8);
    expect(client.events[6]?.data["text"]).toBe("раз два");
  });

  it("of any rate, width and number of channels is heard", async () => {
    const server = await start();
    const mono = new Int16Array(new Uint8Array(sound(1.2, 22_050)).buffer);
    const stereo = Buffer.alloc(mono.length * 8);
    const bytes = Buffer.alloc(mono.length);
    mono.forEach((sample, at) => {
      stereo.writeInt32LE(sample * 65_536, at * 8);
      stereo.writeInt32LE(sample * 65_536, at * 8 + 4);
      bytes[at] = (sample >> 8) + 128;
    });
    for (const [audio, shape] of [
      [Buffer.from(mono.buffer), { rate: 22_050, width: 2, channels: 1 }],
      [stereo, { rate: 22_050, width: 4, channels: 2 }],
      [bytes, { rate: 22_050, width: 1, channels: 1 }],
    ] as const) {
      const client = await server.open();
      speak(client, audio, shape);
      expect((await client.wait("transcript")).data["text"]).toBe("раз два три");
    }
  });

  it("without audio is an empty transcript, with or without transcribe", async () => {
    const server = await start();
    const client = await server.open();
    client.send("audio-stop");
    expect((await client.wait("transcript")).data["text"]).toBe("");
    client.send("transcribe", { transcript_names: ["Кухня"], transcript_terms: ["свет"], name: "any", context: {} });
    client.send("audio-start", { ...SHAPE, timestamp: null });
    client.send("audio-stop", { timestamp: 5 });
    await expect.poll(() => client.events.filter(({ type }) => type === "transcript")).toHaveLength(2);
  });

  it("in one huge chunk, and in chunks of a byte, is the same", async () => {
    const server = await start();
    const [huge, tiny] = [await server.open(), await server.open()];
    speak(huge, Buffer.alloc(0));
    huge.send("audio-start", SHAPE);
    huge.chunk(Buffer.concat([sound(1.2), silence(2), sound(0.7)]));
    huge.send("audio-stop");
    await expect.poll(() => huge.events.filter(({ type }) => type === "transcript")).toHaveLength(2);
    expect(huge.events.findLast(({ type }) => type === "transcript")?.data["text"]).toBe("раз два три раз два");
    tiny.send("audio-start", SHAPE);
    for (const byte of sound(0.2)) tiny.chunk(Buffer.of(byte));
    tiny.send("audio-stop");
    expect((await tiny.wait("transcript")).data["text"]).toBe("раз");
  });

  it("is answered early when a live speaker falls silent; what still comes is dropped until audio-stop", async () => {
    const server = await start();
    const client = await server.open();
    client.send("transcribe", { language: "ru", vad_sensitivity: "aggressive" });
    client.send("audio-start", SHAPE);
    const audio = Buffer.concat([sound(1), silence(3)]);
    for (let at = 0; at < audio.length && !typesOf(client).includes("transcript"); at += 3200) {
      client.chunk(audio.subarray(at, at + 3200));
      await sleep(95);
    }
    expect((await client.wait("transcript")).data["text"]).toBe("раз два");
    client.chunk(sound(1));
    client.send("audio-stop");
    speak(client, sound(0.4));
    await expect.poll(() => client.events.filter(({ type }) => type === "transcript")).toHaveLength(2);
    expect(client.events.findLast(({ type }) => type === "transcript")?.data["text"]).toBe("раз");
  });

  it("that is a recording is read to its end, however long its pauses", async () => {
    const server = await start();
    const client = await server.open();
    speak(client, Buffer.concat([sound(1.2), silence(3), sound(1.2), silence(3), sound(0.7)]));
    expect((await client.wait("transcript")).data["text"]).toBe("раз два три раз два три раз два");
    expect(chunksOf(client)).toBe("раз два три раз два три раз два");
  });

  it("is still answered when its client has closed its sending side", async () => {
    const server = await start({ fake: { windowMs: 100 } });
    const client = await server.open();
    speak(client, sound(1.2));
    client.socket.end();
    expect((await client.wait("transcript")).data["text"]).toBe("раз два три");
    await client.ended;
  });

  it("whose client leaves in the middle leaves nothing behind", async () => {
    const server = await start();
    const client = await server.open();
    client.send("audio-start", SHAPE);
    client.chunk(sound(1.2));
    await expect.poll(() => server.runtime.context.sessions.size).toBe(1);
    client.socket.destroy();
    await expect.poll(() => server.runtime.context.sessions.size).toBe(0);
    expect(server.runtime.context.admission.available).toBe(server.runtime.context.admission.total);
  });

  it("that comes while the model loads waits for it", async () => {
    const server = await start({ fake: { loadMs: 300 }, start: false });
    const client = await server.open();
    const loaded = server.runtime.start();
    speak(client, sound(1.2));
    await loaded;
    expect((await client.wait("transcript")).data["text"]).toBe("раз два три");
  });
});

/** What a client does, and the code that answers it. */
const REFUSED = [
  [
    "a language that the model does not speak",
    (c: WyomingClient) => c.send("transcribe", { language: "de-DE" }),
    "unsupported_language",
  ],
  [
    "a width of 5 bytes",
    (c: WyomingClient) => c.send("audio-start", { rate: 16_000, width: 5, channels: 1 }),
    "invalid_audio",
  ],
  ["a rate of 1 Hz", (c: WyomingClient) => c.send("audio-start", { ...SHAPE, rate: 1 }), "invalid_audio"],
  ["text for a rate", (c: WyomingClient) => c.send("audio-start", { ...SHAPE, rate: "16000" }), "invalid_audio"],
  ["100 channels", (c: WyomingClient) => c.send("audio-start", { ...SHAPE, channels: 100 }), "invalid_audio"],
  [
    "another rate in the middle",
    (c: WyomingClient) => {
      c.send("audio-start", SHAPE);
      c.chunk(sound(0.1), { ...SHAPE, rate: 8000 });
    },
    "invalid_audio",
  ],
  ["a header that is not JSON", (c: WyomingClient) => c.socket.write("GET / HTTP/1.1\r\n\r\n"), "bad_request"],
  ["a header that is a list", (c: WyomingClient) => c.socket.write("[]\n"), "bad_request"],
  ["a header without a type", (c: WyomingClient) => c.socket.write("{}\n"), "bad_request"],
  ["a header without an end", (c: WyomingClient) => c.socket.write("x".repeat(70_000)), "bad_request"],
  ["a negative length", (c: WyomingClient) => c.socket.write('{"type":"ping","data_length":-1}\n'), "bad_request"],
  [
    "a gigabyte of data",
    (c: WyomingClient) => c.socket.write('{"type":"ping","data_length":1000000000}\n'),
    "bad_request",
  ],
  [
    "data that is not an object",
    (c: WyomingClient) => c.socket.write('{"type":"ping","data_length":2}\n[]'),
    "bad_request",
  ],
] as const;

describe("an error", () => {
  it.each(REFUSED)("for %s is an event, then the end of the connection", async (_, act, code) => {
    const server = await start();
    const client = await server.open();
    act(client);
    expect((await client.wait("error")).data).toEqual({ code, text: expect.any(String) });
    await client.ended;
    expect(typesOf(client)).toEqual(["error"]);
  });

  it("for more commands than the rate limit allows", async () => {
    const server = await start({ config: { rateLimit: { perMinute: 1, burst: 1 } } });
    const client = await server.open();
    speak(client, sound(0.4));
    await client.wait("transcript");
    speak(client, sound(0.4));
    expect((await client.wait("error")).data["code"]).toBe("rate_limit_exceeded");
  });

  it("for more connections than a client may have, counted with its HTTP connections", async () => {
    const server = await start({ config: { limits: { connectionsPerClient: 2 } } });
    const clients = [await server.open(), await server.open()];
    const third = await server.open();
    expect((await third.wait("error")).data["code"]).toBe("too_many_connections");
    await third.ended;
    clients[0]?.send("ping");
    await clients[0]?.wait("pong");
  });

  it("when every slot is busy and the queue is full", async () => {
    const engine = createPacedEngine({ endMs: 100_000 });
    const server = await start({ engine, config: { pool: { size: 1, queue: 0, checkoutTimeoutMs: 200 } } });
    const first = await server.open();
    first.send("audio-start", SHAPE);
    first.chunk(sound(1));
    await expect.poll(() => engine.streams.length).toBe(1);
    engine.streams[0]?.options.onSpeech?.();
    await expect.poll(() => server.runtime.context.admission.available).toBe(0);
    const second = await server.open();
    second.send("audio-start", SHAPE);
    second.chunk(sound(1));
    await expect.poll(() => engine.streams.length).toBe(2);
    engine.streams[1]?.options.onSpeech?.();
    expect((await second.wait("error")).data["code"]).toBe("queue_full");
    await second.ended;
  });

  it("when a connection says nothing for the idle timeout", async () => {
    const server = await start({ config: { session: { idleTimeoutMs: 150 } } });
    const client = await server.open();
    // Bytes that never become an event are not a sign of life.
    client.socket.write("{");
    expect((await client.wait("error")).data["code"]).toBe("idle_timeout");
    await client.ended;
  });
});

describe("the end of the server", () => {
  it("gives a running command its transcript, an idle connection its end, and both are counted", async () => {
    const server = await start({ fake: { windowMs: 50 } });
    const [busy, idle] = [await server.open(), await server.open()];
    busy.send("audio-start", SHAPE);
    busy.chunk(sound(1.2));
    busy.send("ping");
    await busy.wait("pong");
    idle.send("describe");
    await idle.wait("info");
    await expect.poll(() => server.runtime.context.sessions.size).toBe(2);
    const report = await server.runtime.drain.begin("test");
    expect((await busy.wait("transcript")).data["text"]).toBe("раз два три");
    await Promise.all([busy.ended, idle.ended]);
    expect(report).toMatchObject({ sessionsFlushed: 2, cut: 0 });
    expect(typesOf(idle)).toEqual(["info"]);
  });

  it("accepts no more after a hand-over and lets the commands there are end by themselves", async () => {
    const server = await start();
    const client = await server.open();
    client.send("audio-start", SHAPE);
    client.chunk(sound(1.2));
    await expect.poll(() => server.runtime.context.sessions.size).toBe(1);
    const drained = server.runtime.drain.handOver(10_000);
    await expect
      .poll(() =>
        openWyoming({ port: server.wyoming }).then(
          () => "open",
          () => "refused",
        ),
      )
      .toBe("refused");
    client.send("audio-stop");
    expect((await client.wait("transcript")).data["text"]).toBe("раз два три");
    client.socket.end();
    await drained;
  });
});

const CASES = fuzzCases(2000);
it(
  `survives ${CASES} conversations of mutated events: known events back, no slot and no session lost`,
  { timeout: 3_600_000 },
  async () => {
    const config: ConfigChanges = { pool: { size: 8, queue: 64 }, rateLimit: { perMinute: 0, burst: 1 } };
    const server = await start({ config, timing: { closeGraceMs: 100, lingerMs: 100 } });
    const random = createRandom(SEED);
    const descriptors = openDescriptors();
    const line = (value: object): Buffer => Buffer.from(`${JSON.stringify(value)}\n`);
    const conversation = Buffer.concat([
      line({ type: "describe" }),
      line({ type: "transcribe", data: { language: "ru" } }),
      line({ type: "audio-start", data: SHAPE }),
      chunkBytes(sound(0.2)),
      chunkBytes(sound(0.3), { ...SHAPE, timestamp: null }),
      line({ type: "audio-stop" }),
    ]);
    const known = /^(?:info|pong|transcript(?:-start|-chunk|-stop)?|error)$/;
    const wrong: string[] = [];
    for (let number = 0; number < CASES; number += 20) {
      await Promise.all(
        Array.from({ length: Math.min(20, CASES - number) }, async () => {
          const bytes = mutate(conversation, random);
          const client = await openWyoming({ port: server.wyoming });
          const half = Math.floor(random.next() * bytes.length);
          client.socket.write(bytes.subarray(0, half));
          client.socket.write(bytes.subarray(half));
          if (random.next() < 0.5) client.socket.end();
          else setTimeout(() => client.socket.end(), 100);
          await Promise.race([client.ended, sleep(2000)]);
          client.socket.destroy();
          wrong.push(...typesOf(client).filter((type) => !known.test(type)));
        }),
      );
    }
    expect(wrong).toEqual([]);
    await expect.poll(() => server.runtime.context.sessions.size).toBe(0);
    expect(server.runtime.context.admission.available).toBe(8);
    await expect.poll(openDescriptors).toBe(descriptors);
    expect(server.lines.filter(({ event }) => event === "bug" || event === "session_failed")).toEqual([]);
  },
);
