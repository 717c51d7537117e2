import { once } from "node:events";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { OpenAIRealtimeWebSocket } from "@openai/agents-realtime";
import OpenAI from "openai6";
import { OpenAIRealtimeWS } from "openai6/realtime/ws";
import { afterEach, describe, expect, test } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { createCa, createServerCertificate } from "../../src/shared/tls/pki.ts";
import { missingPython, talkPython } from "../support/python.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";
import { silence, sound } from "../support/sound.ts";

/** The clients that people have, unchanged, against `/v1/realtime`. */

const RATE = 24_000;
const TEXT = "раз два три";
const speech = Buffer.concat([silence(300, RATE), sound(1400, RATE), silence(1500, RATE)]);
const pcm = speech.toString("base64");

let server: TestServer;
afterEach(() => server.close());
const start = async (): Promise<TestServer> => (server = await startTestServer({ engine: createFakeEngine() }));

/** Rejects after a while with what was seen instead. */
function within<T>(work: Promise<T>, seen: () => unknown): Promise<T> {
  return Promise.race([
    work,
    new Promise<never>((_, reject) =>
      setTimeout(() => reject(new Error(`nothing came; seen: ${JSON.stringify(seen())}`)), 20_000).unref(),
    ),
  ]);
}

describe("npm openai", () => {
  test("its realtime socket transcribes and reads typed events", async () => {
    await start();
    const tls = await terminateTls(server.port);
    const client = new OpenAI({ baseURL: `https://localhost:${tls.port}/v1`, apiKey: "any" });
    const socket = new OpenAIRealtimeWS({ model: "gpt-4o-transcribe", options: { ca: tls.ca } }, client);
    const seen: string[] = [];
    socket.on("event", ({ type }) => seen.push(type));
    const errors: unknown[] = [];
    socket.on("error", (error) => errors.push(error));
    const completed = new Promise<{ transcript: string; usage: unknown }>((resolve) =>
      socket.on("conversation.item.input_audio_transcription.completed", resolve),
    );
    socket.on("session.created", () => {
      socket.send({
        type: "session.update",
        session: { type: "transcription", audio: { input: { turn_detection: { type: "server_vad" } } } },
      });
    });
    socket.on("session.updated", () => {
      for (let at = 0; at < speech.length; at += 4800) {
        socket.send({ type: "input_audio_buffer.append", audio: speech.subarray(at, at + 4800).toString("base64") });
      }
    });
    const { transcript, usage } = await within(completed, () => seen);
    expect(transcript).toBe(TEXT);
    expect(usage).toMatchObject({ type: "duration", seconds: expect.any(Number) });
    expect(errors).toEqual([]);
    socket.close();
    tls.close();
  });
});

/** The SDK connects with wss:// only, whatever its base URL says. */
async function terminateTls(port: number): Promise<{ port: number; ca: string; close(): void }> {
  const authority = await createCa("test", new Date());
  const { certificate: cert, privateKey: key } = await createServerCertificate(authority, ["localhost"], new Date());
  const proxy = createServer({ cert, key }, (outside) => {
    const inside = connect(port, "127.0.0.1");
    outside.pipe(inside).pipe(outside);
    for (const socket of [outside, inside]) socket.on("error", () => [outside, inside].forEach((one) => one.destroy()));
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return { port: (proxy.address() as AddressInfo).port, ca: authority.certificate, close: () => proxy.close() }; // TCP
}

describe("npm @openai/agents-realtime", () => {
  test("its transport connects, configures the session as a conversation, and gets the item with its transcript", async () => {
    await start();
    const transport = new OpenAIRealtimeWebSocket({ useInsecureApiKey: true });
    const seen: string[] = [];
    transport.on("*", ({ type }: { type: string }) => seen.push(type));
    const errors: unknown[] = [];
    transport.on("error", (error) => errors.push(error));
    const heard = new Promise<string>((resolve) =>
      transport.on("item_update", (item) => {
        const [content] = "content" in item ? item.content : [];
        if (content?.type === "input_audio" && content.transcript) resolve(content.transcript);
      }),
    );
    await transport.connect({
      apiKey: "any",
      model: "any",
      url: `${server.url.replace("http", "ws")}/v1/realtime?model=any`,
      initialSessionConfig: { instructions: "none", tools: [] },
    });
    transport.sendAudio(new Uint8Array(speech).buffer);
    expect(await within(heard, () => [seen, errors])).toBe(TEXT);
    expect(seen).toContain("session.updated");
    expect(errors).toEqual([]);
    transport.close();
  });
});

const livekit = missingPython("livekit.plugins.openai");
describe.skipIf(livekit !== undefined)(
  `PyPI livekit-plugins-openai${livekit === undefined ? "" : ` (${livekit})`}`,
  () => {
    test("hears two streams one after the other, whose turns the server ends", async () => {
      await start();
      const told = await talkPython("realtime-livekit.py", { url: server.url, model: "gpt-4o-mini-transcribe", pcm });
      for (const events of told as [kind: string, text: string][][]) {
        expect(events.filter(([kind]) => kind === "final_transcript")).toEqual([["final_transcript", TEXT]]);
        expect(events.map(([kind]) => kind)).toContain("start_of_speech");
      }
    });
  },
);

const pipecat = missingPython("pipecat.services.openai.stt");
describe.skipIf(pipecat !== undefined)(`PyPI pipecat-ai${pipecat === undefined ? "" : ` (${pipecat})`}`, () => {
  test.each(["server", "commit"])("transcribes with turns that are ended by %s", async (turns) => {
    await start();
    const heard = (await talkPython("realtime-pipecat.py", { url: server.url, turns, pcm })) as [string, string][];
    expect(heard.filter(([kind]) => kind !== "interim")).toEqual([["final", TEXT]]);
  });
});
