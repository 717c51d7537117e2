import { afterEach, describe, expect, it } from "vitest";
import { A_LAW, MU_LAW } from "../../src/engine/audio/codec/pcm.ts";
import { createFakeEngine } from "../../src/engine/fake.ts";
import type { FakeEngineOptions } from "../../src/engine/fake.ts";
import { openRealtime, toG711 } from "../support/realtime-client.ts";
import type { RealtimeClient } from "../support/realtime-client.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";
import { silence, sound } from "../support/sound.ts";
import type { Message } from "../support/ws-client.ts";

type Event = Message & {
  readonly event_id: string;
  readonly item_id?: string;
  readonly delta?: string;
  readonly transcript?: string;
  readonly session?: { readonly id: string } & Record<string, unknown>;
  readonly error?: { readonly code: string; readonly param: string | null; readonly event_id: string | null };
};

const COMPLETED = "conversation.item.input_audio_transcription.completed";
const DELTA = "conversation.item.input_audio_transcription.delta";
const RATE = 24_000;
const utterance = (ms = 1400): Buffer => Buffer.concat([sound(ms, RATE), silence(1500, RATE)]);

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function start(
  options: Parameters<typeof startTestServer>[0] = {},
  engine: FakeEngineOptions = {},
): Promise<TestServer> {
  server = await startTestServer({ engine: createFakeEngine(engine), ...options });
  return server;
}

const next = (client: RealtimeClient, type: string): Promise<Event> => client.nextOf(type) as Promise<Event>;

async function open(query?: string, options?: Parameters<typeof openRealtime>[2]): Promise<RealtimeClient> {
  const client = await openRealtime(server!, query, options);
  await client.next();
  return client;
}

describe("a Realtime session", () => {
  it("transcribes a turn that the server ends: started, stopped, committed, item, deltas, completed", async () => {
    await start();
    const client = await open();
    client.types();
    client.append(Buffer.concat([silence(500, RATE), utterance()]));
    const completed = await next(client, COMPLETED);
    expect(completed).toMatchObject({
      content_index: 0,
      transcript: "раз два три",
      languages: [{ code: "ru" }],
      usage: { type: "duration", seconds: expect.any(Number) },
    });
    const events = client.received.slice(1) as Event[];
    const types = events.map(({ type }) => type).filter((type) => type !== DELTA);
    expect(types).toEqual([
      "input_audio_buffer.speech_started",
      "input_audio_buffer.speech_stopped",
      "input_audio_buffer.committed",
      "conversation.item.added",
      "conversation.item.done",
      COMPLETED,
    ]);
    expect(events.every(({ event_id }) => event_id.startsWith("event_"))).toBe(true);
    expect(new Set(events.map(({ event_id }) => event_id)).size).toBe(events.length);
    const ids = events.flatMap((event) => event.item_id ?? []);
    expect(new Set(ids)).toEqual(new Set([completed.item_id]));
    expect(events[0]!["audio_start_ms"]).toBeLessThanOrEqual(500);
    expect(events.find(({ type }) => type.endsWith("stopped"))!["audio_end_ms"]).toBeGreaterThan(1900);
    client.socket.close();
  });

  it("sends deltas of committed words only: joined they are the transcript", async () => {
    await start({ config: { stream: { commitPolicy: "stable_prefix" } } });
    const client = await open();
    for (const piece of chunks(utterance(4000))) {
      client.append(piece);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { transcript } = await next(client, COMPLETED);
    const deltas = (client.received as Event[]).filter(({ type }) => type === DELTA).map(({ delta }) => delta);
    expect(deltas.length).toBeGreaterThan(1);
    expect(deltas.join("")).toBe(transcript);
    client.socket.close();
  });

  it("chains items: previous_item_id is the item before", async () => {
    await start();
    const client = await open();
    client.append(Buffer.concat([utterance(), utterance()]));
    await next(client, COMPLETED);
    await next(client, COMPLETED);
    const committed = (client.received as Event[]).filter(({ type }) => type.endsWith("committed"));
    expect(committed.map((event) => event["previous_item_id"])).toEqual([null, committed[0]!.item_id]);
    client.socket.close();
  });

  it.each([
    ["intent alone", "?intent=transcription"],
    ["model alone", "?model=whisper-1"],
    ["both, as LiveKit connects to its own hosts", "?intent=transcription&model=gpt-4o-mini-transcribe"],
    ["neither", ""],
  ])("opens with %s", async (_, query) => {
    await start();
    const client = await openRealtime(server!, query);
    expect(await client.next()).toMatchObject({
      type: "session.created",
      session: { type: "transcription", audio: { input: { format: { type: "audio/pcm", rate: 24000 } } } },
    });
    client.socket.close();
  });

  it("sends session.created before the model is ready, answers updates, and transcribes what was appended meanwhile", async () => {
    await start({ start: false }, { loadMs: 400 });
    const starting = server!.runtime.start();
    const client = await open();
    client.send({ type: "session.update", session: { type: "transcription" } });
    await next(client, "session.updated");
    expect(server!.engine.state).toBe("loading");
    client.append(utterance());
    client.send({ type: "session.update", event_id: "later", session: { type: "transcription" } });
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "раз два три" });
    await starting;
    client.socket.close();
  });

  it("takes audio before any update with the defaults, as Pipecat may send it", async () => {
    await start();
    const client = await openRealtime(server!);
    client.append(utterance());
    client.send({ type: "session.update", session: { type: "transcription" } });
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "раз два три" });
    client.socket.close();
  });

  it.each([
    ["audio/pcmu", { type: "audio/pcmu" }, MU_LAW],
    ["audio/pcma", { type: "audio/pcma" }, A_LAW],
  ] as const)("reads %s", async (_, format, table) => {
    await start();
    const client = await open();
    client.send({ type: "session.update", session: { type: "transcription", audio: { input: { format } } } });
    expect(await next(client, "session.updated")).toMatchObject({ session: { audio: { input: { format } } } });
    client.append(toG711(Buffer.concat([sound(1400, 8000), silence(1500, 8000)]), table), 400);
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "раз два три" });
    client.socket.close();
  });

  it("ignores an append without audio: the format may still change", async () => {
    await start();
    const client = await open();
    client.send({ type: "input_audio_buffer.append", audio: "" });
    const input = { format: { type: "audio/pcmu" } };
    client.send({ type: "session.update", session: { type: "transcription", audio: { input } } });
    client.append(toG711(Buffer.concat([sound(1400, 8000), silence(1500, 8000)]), MU_LAW), 400);
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "раз два три" });
    client.socket.close();
  });

  it("ends turns by commit alone with turn_detection null: no speech events, one item a commit", async () => {
    await start();
    const client = await open();
    const input = { turn_detection: null };
    client.send({ type: "session.update", session: { type: "transcription", audio: { input } } });
    await next(client, "session.updated");
    client.types();
    client.append(Buffer.concat([utterance(), utterance()]));
    client.send({ type: "input_audio_buffer.commit" });
    client.append(utterance());
    client.send({ type: "input_audio_buffer.commit" });
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "раз два три раз два три" });
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "раз два три" });
    const types = client.types().filter((type) => type !== DELTA);
    const turn = ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done", COMPLETED];
    expect(types).toEqual([...turn, ...turn]);
    client.socket.close();
  });

  it("takes the commits of a client that leaves turn_detection out and ends turns itself, as LiveKit does for some models", async () => {
    await start();
    const client = await open("?intent=transcription&model=gpt-live-transcribe");
    const transcription = { model: "gpt-live-transcribe", language: "en" };
    client.send({ type: "session.update", session: { type: "transcription", audio: { input: { transcription } } } });
    expect(await next(client, "session.updated")).toMatchObject({
      session: { audio: { input: { turn_detection: { type: "server_vad" }, transcription: { language: "ru" } } } },
    });
    client.append(utterance());
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "раз два три" });
    // The server has ended the turn already: what the client ends is silence.
    client.send({ type: "input_audio_buffer.commit" });
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "" });
    client.append(Buffer.concat([sound(1400, RATE), silence(300, RATE)]));
    client.send({ type: "input_audio_buffer.commit" });
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "раз два три" });
    expect(client.received.filter(({ type }) => type === "error")).toEqual([]);
    client.socket.close();
  });

  it("takes a commit in the middle of a turn under server_vad", async () => {
    await start();
    const client = await open();
    client.append(sound(1900, RATE));
    await next(client, "input_audio_buffer.speech_started");
    client.send({ type: "input_audio_buffer.commit" });
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "раз два три четыре" });
    client.append(utterance());
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "раз два три" });
    const events = client.received as Event[];
    const ids = new Set(events.filter(({ type }) => type === COMPLETED).map(({ item_id }) => item_id));
    expect(ids.size).toBe(2);
    client.socket.close();
  });

  it("takes a new turn detection in mid-stream and keeps what an update leaves out", async () => {
    await start();
    const client = await open();
    const detection = { type: "server_vad", threshold: 0.3, prefix_padding_ms: 100, silence_duration_ms: 900 };
    const update = (input: object): void =>
      client.send({ type: "session.update", session: { type: "transcription", audio: { input } } });
    update({ turn_detection: detection });
    expect(await next(client, "session.updated")).toMatchObject({
      session: { audio: { input: { turn_detection: detection } } },
    });
    client.append(sound(1400, RATE));
    update({ turn_detection: { type: "server_vad", silence_duration_ms: 5000 } });
    expect(await next(client, "session.updated")).toMatchObject({
      session: { audio: { input: { turn_detection: { ...detection, silence_duration_ms: 5000 } } } },
    });
    client.append(silence(2000, RATE));
    client.append(sound(900, RATE));
    update({ turn_detection: { type: "semantic_vad", eagerness: "high" } });
    await next(client, "session.updated");
    client.append(silence(1000, RATE));
    // The pause of two seconds was inside the turn.
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "раз два три раз два" });
    client.socket.close();
  });

  it("takes another audio format in mid-stream: what was said before is a turn", async () => {
    await start();
    const client = await open();
    client.append(sound(900, RATE));
    await next(client, "input_audio_buffer.speech_started");
    client.send({
      type: "session.update",
      session: { type: "transcription", audio: { input: { format: { type: "audio/pcmu" } } } },
    });
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "раз два" });
    client.append(toG711(Buffer.concat([sound(1400, 8000), silence(1500, 8000)]), MU_LAW), 400);
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "раз два три" });
    client.socket.close();
  });

  it("forgets what is not committed on clear", async () => {
    await start();
    const client = await open();
    client.append(sound(1900, RATE));
    await next(client, "input_audio_buffer.speech_started");
    client.send({ type: "input_audio_buffer.clear" });
    await next(client, "input_audio_buffer.cleared");
    client.append(utterance());
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "раз два три" });
    expect((client.received as Event[]).filter(({ type }) => type === COMPLETED)).toHaveLength(1);
    client.socket.close();
  });

  it("completes an item that was committed before the clear", async () => {
    await start({}, { windowMs: 200 });
    const client = await open();
    client.append(utterance());
    await next(client, "input_audio_buffer.committed");
    client.append(sound(700, RATE));
    client.send({ type: "input_audio_buffer.clear" });
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "раз два три" });
    client.append(utterance(900));
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "раз два" });
    client.socket.close();
  });

  it("speaks the older shape to clients that ask for it: header, flat fields, conversation.item.created", async () => {
    await start();
    const client = await openRealtime(server!, "?intent=transcription", { headers: { "OpenAI-Beta": "realtime=v1" } });
    expect(await client.next()).toMatchObject({
      type: "transcription_session.created",
      session: { input_audio_format: "pcm16" },
    });
    client.send({
      type: "transcription_session.update",
      session: {
        input_audio_format: "g711_ulaw",
        input_audio_transcription: { model: "gpt-4o-transcribe", prompt: "", language: "" },
        turn_detection: { type: "server_vad", threshold: 0.5, prefix_padding_ms: 300, silence_duration_ms: 300 },
      },
    });
    expect(await client.next()).toMatchObject({
      type: "transcription_session.updated",
      session: { input_audio_format: "g711_ulaw", turn_detection: { silence_duration_ms: 300 } },
    });
    client.append(toG711(Buffer.concat([sound(1400, 8000), silence(1500, 8000)]), MU_LAW), 400);
    await next(client, "conversation.item.created");
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "раз два три" });
    client.socket.close();
  });

  it.each([
    [["realtime", "openai-insecure-api-key.sk-secret", "openai-beta.realtime-v1"]],
    [["openai-insecure-api-key.sk-secret", "realtime", "openai-agents-sdk.0.20.0"]],
  ])("answers the subprotocol realtime and never repeats the key: %j", async (protocols) => {
    await start();
    const { WebSocket } = await import("ws");
    const socket = new WebSocket(`ws://127.0.0.1:${server!.port}/v1/realtime?model=gpt-realtime`, protocols);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", () => resolve());
      socket.once("error", reject);
    });
    expect(socket.protocol).toBe("realtime");
    expect(JSON.stringify(server!.lines)).not.toContain("sk-secret");
    socket.close();
  });

  it("gives back an item on retrieve, as the Agents SDK asks after each transcript, and forgets it on delete", async () => {
    await start();
    const client = await open();
    client.append(utterance());
    const { item_id } = await next(client, COMPLETED);
    client.send({ type: "conversation.item.retrieve", item_id });
    expect(await next(client, "conversation.item.retrieved")).toMatchObject({
      item: { id: item_id, role: "user", content: [{ type: "input_audio", transcript: "раз два три" }] },
    });
    client.send({ type: "conversation.item.delete", item_id });
    expect(await next(client, "conversation.item.deleted")).toMatchObject({ item_id });
    client.send({ type: "conversation.item.retrieve", item_id, event_id: "again" });
    expect(await next(client, "error")).toMatchObject({ error: { code: "not_found", event_id: "again" } });
    client.socket.close();
  });

  it("reports a part that was not recognised as failed, and goes on", async () => {
    await start(
      {},
      {
        onWindow: (number) => {
          if (number <= 20 && isBroken) throw new Error("broken");
        },
      },
    );
    let isBroken = true;
    const client = await open();
    client.append(utterance());
    const failed = await next(client, "conversation.item.input_audio_transcription.failed");
    expect(failed.error).toMatchObject({ code: "inference_error", type: "server_error" });
    expect(failed.error).not.toHaveProperty("param");
    isBroken = false;
    client.append(utterance());
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "раз два три" });
    client.socket.close();
  });

  it("gives an item without words an empty transcript: every committed item ends", async () => {
    await start();
    const client = await open();
    client.append(silence(1000, RATE));
    client.send({ type: "input_audio_buffer.commit" });
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "" });
    client.socket.close();
  });
});

describe("errors of a Realtime session", () => {
  it.each([
    [{ type: "input_audio_buffer.commit" }, "input_audio_buffer_commit_empty", null],
    [{ type: "input_audio_buffer.append", audio: "***" }, "bad_request", "audio"],
    [{ type: "input_audio_buffer.append" }, "bad_request", "audio"],
    [{ type: "session.update" }, "bad_request", "session"],
    [
      { type: "session.update", session: { audio: { input: { format: { type: "audio/mp3" } } } } },
      "bad_request",
      "session.audio.input.format",
    ],
    [
      { type: "session.update", session: { audio: { input: { format: { type: "audio/pcm", rate: 5 } } } } },
      "bad_request",
      "session.audio.input.format.rate",
    ],
    [
      { type: "session.update", session: { audio: { input: { turn_detection: { type: "x" } } } } },
      "bad_request",
      "session.audio.input.turn_detection.type",
    ],
    [
      { type: "session.update", session: { turn_detection: { type: "semantic_vad", eagerness: 1 } } },
      "bad_request",
      "session.turn_detection.eagerness",
    ],
    [
      { type: "session.update", session: { turn_detection: { silence_duration_ms: -1 } } },
      "bad_request",
      "session.turn_detection.silence_duration_ms",
    ],
    [{ type: "response.create" }, "bad_request", "type"],
    [{ type: "conversation.item.retrieve", item_id: "no" }, "not_found", "item_id"],
    [{ type: "nonsense" }, "bad_request", "type"],
    [{ no: "type" }, "bad_request", "type"],
  ])("%j is answered by an error event with the client's event_id", async (event, code, param) => {
    await start();
    const client = await open();
    client.send({ ...event, event_id: "mine" });
    const { error } = await next(client, "error");
    expect(error).toMatchObject({ code, param, type: "invalid_request_error" });
    if ("type" in event) expect(error!.event_id).toBe("mine");
    // It goes on.
    client.append(utterance());
    await next(client, COMPLETED);
    client.socket.close();
  });

  it("leaves the session as it was when a field of an update is refused", async () => {
    await start();
    const client = await open();
    client.send({
      type: "session.update",
      session: { audio: { input: { format: { type: "audio/pcmu" }, turn_detection: { type: "?" } } } },
    });
    await next(client, "error");
    client.append(utterance());
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "раз два три" });
    client.socket.close();
  });

  it("closes 1008 after ten frames that are not events", async () => {
    await start();
    const client = await open();
    for (let count = 0; count < 10; count++) client.send("{");
    expect(await client.closed).toEqual({ code: 1008, reason: "10 frames were not events of the Realtime API" });
  });

  it("refuses an upgrade in the form of OpenAI's errors", async () => {
    await start();
    const answer = await fetch(`${server!.url}/v1/realtime`);
    expect(answer.status).toBe(426);
    expect(await answer.json()).toMatchObject({
      error: { message: expect.any(String), param: null, type: "invalid_request_error" },
    });
  });
});

describe("the end of a Realtime session", () => {
  it("drains with the transcript of what was said, then close 1001 and no error event: clients connect again", async () => {
    await start();
    const client = await open();
    client.append(sound(1400, RATE));
    await next(client, "input_audio_buffer.speech_started");
    const report = server!.runtime.drain.begin("test");
    expect(await next(client, COMPLETED)).toMatchObject({ transcript: "раз два три" });
    expect(await client.closed).toEqual({ code: 1001, reason: "shutting down" });
    expect((await report).sessionsFlushed).toBe(1);
    expect(client.received.filter(({ type }) => type === "error")).toEqual([]);
  });

  it("gives what is known and says truncated when the engine is too slow for the drain", async () => {
    await start({ config: { shutdown: { drainMs: 300 } } }, { windowMs: 1500 });
    const client = await open();
    client.append(utterance());
    await next(client, "input_audio_buffer.committed");
    const report = server!.runtime.drain.begin("test");
    expect(await next(client, COMPLETED)).toMatchObject({ truncated: true });
    expect(await client.closed).toMatchObject({ code: 1001 });
    expect((await report).cut).toBe(1);
  });

  it("keeps an idle socket longer than a native session, for pooling clients, and closes it without an error event", async () => {
    await start({ config: { session: { idleTimeoutMs: 200 }, realtime: { idleTimeoutMs: 700 } } });
    const client = await open();
    const openedMs = performance.now();
    expect(await client.closed).toEqual({ code: 1001, reason: "idle timeout" });
    expect(performance.now() - openedMs).toBeGreaterThan(600);
    expect(client.received.map(({ type }) => type)).toEqual(["session.created"]);
  });

  it("loses no slot when the client vanishes in mid-turn", async () => {
    await start();
    const client = await open();
    client.append(sound(900, RATE));
    await next(client, "input_audio_buffer.speech_started");
    const { admission, sessions } = server!.runtime.context;
    client.socket.terminate();
    await expect.poll(() => [admission.available, sessions.size]).toEqual([admission.total, 0]);
  });
});

function chunks(pcm: Buffer): Buffer[] {
  const size = RATE / 5;
  return Array.from({ length: Math.ceil(pcm.length / size) }, (_, at) => pcm.subarray(at * size, (at + 1) * size));
}
