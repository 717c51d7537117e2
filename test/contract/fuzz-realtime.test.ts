import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { WIRE_ERROR_STATUS } from "../../src/shared/protocol.ts";
import { SEED, fuzzCases } from "../support/fuzz.ts";
import { heldBytes, openDescriptors } from "../support/memory.ts";
import { createRandom, mutate, runCases } from "../support/mutate.ts";
import type { Random } from "../support/mutate.ts";
import { openRaw } from "../support/raw-http.ts";
import { startTestServer } from "../support/runtime-server.ts";
import { silence, sound } from "../support/sound.ts";
import { UPGRADE, clientFrame, closeCodeOf, mayCloseWith, serverFrames } from "../support/ws-frames.ts";

const CASES = fuzzCases(2000);
/** A conversation that is over by itself takes no limit of time for a mistake: only a hang lasts that long. */
const HANGS_MS = 300_000;
const ITEM = "conversation.item.input_audio_transcription";

const event = (value: object): Buffer => clientFrame(1, Buffer.from(JSON.stringify(value)));
const append = (audio: Uint8Array): Buffer =>
  event({ type: "input_audio_buffer.append", audio: Buffer.from(audio).toString("base64") });
const commit = event({ type: "input_audio_buffer.commit", event_id: "c" });
const clear = event({ type: "input_audio_buffer.clear" });
const update = (input: object): Buffer =>
  event({ type: "session.update", session: { type: "transcription", audio: { input } } });
/** Its error answers that everything before it was read. */
const last = event({ type: "response.create", event_id: "the-last" });
const close = clientFrame(8, Buffer.from([3, 232]));
const word = sound(700, 24_000);
const pause = silence(800, 24_000);

/** Frames of well-behaved clients, and of clients that are not. */
const frames: readonly (() => Buffer)[] = [
  () => append(word),
  () => append(word.subarray(0, 2401)),
  () => append(pause),
  () => append(Buffer.alloc(0)),
  () => commit,
  () => commit,
  () => clear,
  () => update({ turn_detection: null }),
  () => update({ turn_detection: { type: "server_vad", silence_duration_ms: 200 } }),
  () => update({ turn_detection: { type: "semantic_vad", eagerness: "high" } }),
  () => update({ format: { type: "audio/pcmu" } }),
  () => update({ format: { type: "audio/pcm", rate: 24_000 } }),
  () => update({ format: { type: "audio/pcma" }, turn_detection: {} }),
  () => update({ format: [], transcription: 1 }),
  () => event({ type: "transcription_session.update", session: { input_audio_format: "g711_alaw" } }),
  () =>
    event({
      type: "session.update",
      session: JSON.parse('{"__proto__":{"audio":1},"audio":{"input":{"__proto__":null}}}'),
    }),
  () => event({ type: "conversation.item.retrieve", item_id: "item_" }),
  () => event({ type: "response.create", response: {} }),
  () => event({ type: "input_audio_buffer.append", audio: "=".repeat(5000) }),
  () => event({ type: "x".repeat(3000), event_id: "y".repeat(3000) }),
  () => clientFrame(1, Buffer.from("[".repeat(2000))),
  () => clientFrame(2, word.subarray(0, 1000)),
  () => clientFrame(9, Buffer.from("ping")),
  () =>
    Buffer.concat([
      clientFrame(1, Buffer.from('{"type":"input_audio_buffer.'), { fin: false }),
      clientFrame(0, Buffer.from('commit"}')),
    ]),
];

it(
  `survives ${CASES} hostile Realtime conversations: known events and codes, every committed item ends once, deltas are its transcript, no slot and no memory lost`,
  { timeout: 3_600_000 },
  async () => {
    const server = await startTestServer({
      engine: createFakeEngine(),
      config: { pool: { size: 8, queue: 64 }, stream: { commitPolicy: "stable_prefix" } },
      timing: { closeGraceMs: 200 },
    });
    const { admission, sessions } = server.runtime.context;
    const descriptors = openDescriptors();
    const seen: Seen = { completed: 0, errors: new Set(), closes: new Map() };
    const bad: string[] = [];
    let earlyBytes = 0;
    await runCases(CASES, 16, async (number) => {
      server.lines.length = 0;
      if (number === Math.floor(CASES / 4)) earlyBytes = await heldBytes();
      const random = createRandom(SEED + number * 7919);
      const client = openRaw(server.port);
      client.write(UPGRADE.toString().replace(/\/v1\/ws|\/ws/, "/v1/realtime?intent=transcription"));
      if (random.next() < 0.5) await client.until(/session\.created/);
      const isClean = random.next() < 0.6;
      client.write(Buffer.concat([conversation(random, isClean), last]));
      const manner = random.next();
      const leaves = !isClean && manner < 0.3;
      let waitedFor = 0;
      if (leaves && manner < 0.2) client.socket.end();
      else if (leaves) client.socket.resetAndDestroy();
      else {
        await Promise.race([settled(() => client.text, isClean ? HANGS_MS : 1000), client.ended]);
        if (isClean) waitedFor = client.text.length;
        client.write(close);
      }
      await Promise.race([client.ended, sleep(1000)]);
      client.socket.destroy();
      const problem = problemOf(client.text, seen, waitedFor);
      if (problem !== undefined) bad.push(`case ${number}: ${problem}`);
    });
    expect(bad).toEqual([]);
    await expect.poll(() => [admission.available, admission.waiters, sessions.size]).toEqual([8, 0, 0]);
    await expect.poll(openDescriptors).toBe(descriptors);
    expect(server.lines.filter((line) => line["event"] === "session_failed")).toEqual([]);
    // The conversations reach what they are meant to reach.
    expect(seen.completed).toBeGreaterThan(CASES / 4);
    expect([...seen.errors]).toEqual(
      expect.arrayContaining(["bad_request", "input_audio_buffer_commit_empty", "not_found"]),
    );
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
    expect((await heldBytes()) - earlyBytes).toBeLessThan(16 * 2 ** 20);
    await server.close();
  },
);

interface Seen {
  completed: number;
  readonly errors: Set<string>;
  readonly closes: Map<number, number>;
}

function conversation(random: Random, isClean: boolean): Buffer {
  const picked = Array.from({ length: 1 + random.below(24) }, () => random.pick(frames)());
  return Buffer.concat(isClean ? picked : picked.map((frame) => (random.next() < 0.2 ? mutate(frame, random) : frame)));
}

interface ServerMessage {
  readonly type: string;
  readonly event_id: string;
  readonly item_id: string;
  readonly delta: string;
  readonly transcript: string;
  readonly error: { readonly code: string; readonly message: string };
}

/**
 * Resolves when everything was read, every committed item has its transcript and nothing more came for 0.3 s (the engine ends turns on its
 * own), or when the time is over: a broken frame may have swallowed what follows it.
 */
async function settled(text: () => string, limitMs: number): Promise<void> {
  let quietRounds = 0;
  let before = "";
  for (let round = 0; round < limitMs / 50 && quietRounds < 6; round++) {
    await sleep(50);
    const now = text();
    const isDone = now.includes("the-last") && count(now, "audio_buffer.committed") === count(now, `${ITEM}.completed`);
    quietRounds = isDone && now === before ? quietRounds + 1 : 0;
    before = now;
  }
}

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}

/** @param waitedFor what had come when the client went: everything committed until then must have ended */
function problemOf(received: string, seen: Seen, waitedFor: number): string | undefined {
  const bytes = Buffer.from(received, "latin1");
  const split = bytes.indexOf("\r\n\r\n");
  if (split < 0) return undefined;
  const sent = serverFrames(bytes.subarray(split + 4));
  if (sent === undefined) return "the server's bytes are no frames";
  const committed = new Set<string>();
  const over = new Set<string>();
  const deltas = new Map<string, string>();
  const ids = new Set<string>();
  const trace: string[] = [];
  for (const { opcode, payload } of sent) {
    if (opcode === 8) {
      const code = closeCodeOf(payload);
      seen.closes.set(code, (seen.closes.get(code) ?? 0) + 1);
      if (!mayCloseWith(code)) return `close ${code}`;
    }
    if (opcode !== 1) continue;
    const message = JSON.parse(payload.toString()) as ServerMessage; // checked below
    trace.push(`${message.type}:${message.item_id ?? message.error?.code ?? ""}`);
    if (!KNOWN.has(message.type)) return `unknown event ${message.type}`;
    if (ids.has(message.event_id)) return `event_id ${message.event_id} twice`;
    ids.add(message.event_id);
    const { item_id: item } = message;
    if (message.type === "error") {
      if (!(message.error.code in WIRE_ERROR_STATUS)) return `unknown code ${message.error.code}`;
      seen.errors.add(message.error.code);
    } else if (message.type === "input_audio_buffer.committed") {
      if (committed.has(item)) return `${item} is committed twice`;
      committed.add(item);
    } else if (message.type === `${ITEM}.delta`) {
      if (over.has(item)) return "a delta after its end";
      deltas.set(item, (deltas.get(item) ?? "") + message.delta);
    } else if (message.type === `${ITEM}.completed`) {
      if (!committed.has(item)) return "completed before it was committed";
      if (over.has(item)) return "completed twice";
      over.add(item);
      seen.completed++;
      if ((deltas.get(item) ?? "") !== message.transcript) {
        return `deltas ${JSON.stringify(deltas.get(item))} are not the transcript ${JSON.stringify(message.transcript)}`;
      }
    }
  }
  // The engine may end a turn while the client goes.
  const early = new Set(Array.from(received.slice(0, waitedFor).matchAll(COMMITTED), ([, item]) => item));
  const unended = [...early].filter((item) => item !== undefined && !over.has(item));
  return unended.length > 0 ? `${unended.join()} never ends: ${trace.join(" ")}` : undefined;
}

const COMMITTED = /"input_audio_buffer\.committed"[^}]*"item_id":"([^"]*)"/g;
const KNOWN = new Set([
  "session.created",
  "session.updated",
  "transcription_session.updated",
  "input_audio_buffer.speech_started",
  "input_audio_buffer.speech_stopped",
  "input_audio_buffer.committed",
  "input_audio_buffer.cleared",
  "conversation.item.created",
  "conversation.item.added",
  "conversation.item.done",
  "conversation.item.retrieved",
  "conversation.item.deleted",
  `${ITEM}.delta`,
  `${ITEM}.completed`,
  "error",
]);
