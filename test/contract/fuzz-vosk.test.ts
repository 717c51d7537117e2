import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { SEED, fuzzCases } from "../support/fuzz.ts";
import { heldBytes, openDescriptors } from "../support/memory.ts";
import { createRandom, mutate, runCases } from "../support/mutate.ts";
import { openRaw } from "../support/raw-http.ts";
import { startTestServer } from "../support/runtime-server.ts";
import { silence, sound } from "../support/sound.ts";
import { UPGRADE, clientFrame, closeCodeOf, mayCloseWith, serverFrames } from "../support/ws-frames.ts";

const CASES = fuzzCases(2000);
/** A conversation that is over by itself takes no limit of time for a mistake: only a hang lasts that long. */
const HANGS_MS = 300_000;

const text = (value: string): Buffer => clientFrame(1, Buffer.from(value));
const audio = (pcm: Uint8Array): Buffer => clientFrame(2, pcm);
const EOF = text('{"eof" : 1}');

/** Frames of well-behaved clients, and of clients that are not. */
const clean: readonly (() => Buffer)[] = [
  () => audio(sound(400, 8000)),
  () => audio(sound(100, 8000)),
  () => audio(silence(800, 8000)),
  () => audio(Buffer.alloc(0)),
  () => text('{"config" : {"sample_rate" : 16000, "words" : true}}'),
  () => text('{"config" : {"sample_rate" : 8000.0, "max_alternatives" : 2}}'),
  () => text('{"config":{"phrase_list":["раз","два"],"model":"x"}}'),
  () => text('{"reset" : 1}'),
];
const hostile: readonly (() => Buffer)[] = [
  ...clean,
  () => audio(Buffer.from([1])),
  () => text('{"config" : {"sample_rate" : 1e9}}'),
  () => text('{"config" : {"sample_rate" : "x", "words" : [], "phrase_list" : {"a" : 1}}}'),
  () => text('{"config" : {"__proto__" : {"words" : true}, "max_alternatives" : -1}}'),
  () => text('{"config" : null}'),
  () => text("eof"),
  () => text("[".repeat(3000)),
  () => text(`{"config" : {"phrase_list" : [${'"слово",'.repeat(9000)}"х"]}}`),
  () => clientFrame(9, Buffer.from("ping")),
  () => Buffer.concat([clientFrame(1, Buffer.from('{"res'), { fin: false }), clientFrame(0, Buffer.from('et":1}'))]),
  () => EOF,
];

it(
  `survives ${CASES} hostile Vosk conversations: every answer is one of the protocol, eof is answered by a result, no slot and no memory lost`,
  { timeout: 3_600_000 },
  async () => {
    const server = await startTestServer({
      engine: createFakeEngine(),
      config: { pool: { size: 8, queue: 64 }, rateLimit: { perMinute: 0, burst: 0 } },
      timing: { closeGraceMs: 200 },
    });
    const { port } = await server.runtime.listenFor("vosk", { host: "127.0.0.1", port: 0 });
    const { admission, sessions } = server.runtime.context;
    const descriptors = openDescriptors();
    const bad: string[] = [];
    let results = 0;
    let earlyBytes = 0;
    await runCases(CASES, 16, async (number) => {
      server.lines.length = 0;
      if (number === Math.floor(CASES / 4)) earlyBytes = await heldBytes();
      const random = createRandom(SEED + number * 7919);
      const isClean = random.next() < 0.5;
      const picked = Array.from({ length: 1 + random.below(24) }, () => random.pick(isClean ? clean : hostile)());
      const frames = isClean ? picked : picked.map((frame) => (random.next() < 0.2 ? mutate(frame, random) : frame));
      const client = openRaw(port);
      client.write(UPGRADE.toString().replace("/v1/ws", "/"));
      client.write(Buffer.concat([...frames, EOF]));
      const manner = isClean ? 1 : random.next();
      if (manner < 0.2) client.socket.end();
      else if (manner < 0.3) client.socket.resetAndDestroy();
      await Promise.race([client.ended, sleep(isClean ? HANGS_MS : 1000)]);
      client.socket.destroy();
      const { problem, hasResult } = read(client.text);
      if (problem !== undefined) bad.push(`case ${number}: ${problem}`);
      else if (isClean && !hasResult) bad.push(`case ${number}: no result: ${client.text.slice(-200)}`);
      if (hasResult) results++;
    });
    expect(bad).toEqual([]);
    await expect.poll(() => [admission.available, admission.waiters, sessions.size]).toEqual([8, 0, 0]);
    await expect.poll(openDescriptors).toBe(descriptors);
    expect(server.lines.filter((line) => line["event"] === "session_failed")).toEqual([]);
    expect(results).toBeGreaterThan(CASES / 4);
    expect((await heldBytes()) - earlyBytes).toBeLessThan(16 * 2 ** 20);
    await server.close();
  },
);

/** What came back, checked frame by frame; the last text must be a result for a conversation that was ended by eof. */
function read(received: string): { readonly problem?: string; readonly hasResult: boolean } {
  const bytes = Buffer.from(received, "latin1");
  const split = bytes.indexOf("\r\n\r\n");
  const frames = split < 0 ? [] : serverFrames(bytes.subarray(split + 4));
  if (frames === undefined) return { problem: "the server's bytes are no frames", hasResult: false };
  let hasResult = false;
  for (const { opcode, payload } of frames) {
    if (opcode === 8) {
      const code = closeCodeOf(payload);
      if (!mayCloseWith(code)) return { problem: `close ${code}`, hasResult };
    }
    if (opcode !== 1) continue;
    const message: unknown = JSON.parse(payload.toString());
    const keys = typeof message === "object" && message !== null ? Object.keys(message) : [];
    if (!keys.some((key) => KNOWN.has(key))) return { problem: `unknown answer ${payload.toString()}`, hasResult };
    hasResult = keys.includes("text") || keys.includes("alternatives");
  }
  return { hasResult };
}

const KNOWN = new Set(["text", "partial", "alternatives", "error", "result"]);
