import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { WIRE_ERROR_STATUS } from "../../src/shared/protocol.ts";
import { heldBytes } from "../support/memory.ts";
import { createRandom, mutate, runCases } from "../support/mutate.ts";
import type { Random } from "../support/mutate.ts";
import { openRaw } from "../support/raw-http.ts";
import { startTestServer } from "../support/runtime-server.ts";
import { UPGRADE, clientFrame, closeCodeOf, mayCloseWith, serverFrames } from "../support/ws-frames.ts";
import { SEED, fuzzCases } from "../support/fuzz.ts";

const CASES = fuzzCases(10_000);

const speech = readFileSync(new URL("../fixtures/eval/dev_espeak_07.wav", import.meta.url)).subarray(44, 44 + 24_000);
const text = (value: unknown): Buffer =>
  clientFrame(1, Buffer.from(typeof value === "string" ? value : JSON.stringify(value)));
const configure = text({ type: "configure", sample_rate: 16000, protocol_version: "1.2", endpoint_mode: "auto" });
const stop = text({ type: "stop" });

/** Conversations a well-behaved client could have. */
const conversations: readonly Buffer[][] = [
  [configure, clientFrame(2, speech.subarray(0, 3200)), clientFrame(2, speech.subarray(3200, 9601)), stop],
  [clientFrame(2, speech), stop],
  [
    configure,
    clientFrame(9, Buffer.from("ping")),
    clientFrame(2, speech.subarray(0, 8000)),
    clientFrame(8, Buffer.from([3, 232])),
  ],
  [
    clientFrame(2, speech.subarray(0, 1000), { fin: false }),
    clientFrame(0, speech.subarray(1000, 2000), { fin: false }),
    clientFrame(10, Buffer.alloc(0)),
    clientFrame(0, speech.subarray(2000, 3000)),
    stop,
  ],
  [text("not json"), text({ type: "configure", sample_rate: 1 }), clientFrame(2, Buffer.alloc(0)), stop],
];

it(
  `survives ${CASES} conversations of mutated frames: every answer a known message, every close a known code, no slot and no memory lost`,
  { timeout: 600_000 },
  async () => {
    const server = await startTestServer({
      engine: createFakeEngine(),
      config: { pool: { size: 8, queue: 64 } },
      timing: { closeGraceMs: 200 },
    });
    const { admission, sessions } = server.runtime.context;
    const seen = { final: 0, error: 0, closes: new Map<number, number>() };
    const bad: string[] = [];
    let earlyBytes = 0;
    await runCases(CASES, 24, async (number) => {
      server.lines.length = 0;
      if (number === Math.floor(CASES / 4)) earlyBytes = await heldBytes();
      const random = createRandom(SEED + number * 7919);
      const client = openRaw(server.port);
      client.write(UPGRADE);
      // Half wait for ready as they should, half send at once.
      if (random.next() < 0.5) await client.until(/"type":"ready"/);
      client.write(conversation(random));
      // Some end their side, some vanish, some wait for the server.
      const manner = random.next();
      if (manner < 0.4) client.socket.end();
      else if (manner < 0.5) client.socket.resetAndDestroy();
      else if (manner < 0.6) client.socket.destroy();
      else client.write(Buffer.concat([stop, clientFrame(8, Buffer.from([3, 232]))]));
      await Promise.race([client.ended, new Promise((resolve) => setTimeout(resolve, 1000))]);
      client.socket.destroy();
      const problem = problemOf(client.text, seen);
      if (problem !== undefined) bad.push(`case ${number}: ${problem}`);
    });
    expect(bad).toEqual([]);
    await expect.poll(() => [admission.available, admission.waiters, sessions.size]).toEqual([8, 0, 0]);
    expect(server.lines.filter((line) => line["event"] === "session_failed")).toEqual([]);
    // The mutations reach what they are meant to reach.
    expect(seen.final).toBeGreaterThan(CASES / 20);
    expect(seen.error).toBeGreaterThan(CASES / 20);
    for (const code of [1000, 1002]) expect(seen.closes.get(code), String(code)).toBeGreaterThan(CASES / 100);
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
    expect((await heldBytes()) - earlyBytes).toBeLessThan(16 * 2 ** 20);
    await server.close();
  },
);

function conversation(random: Random): Buffer {
  const frames = random.pick(conversations).map((frame) => (random.next() < 0.4 ? mutate(frame, random) : frame));
  if (random.next() < 0.2) frames.reverse();
  if (random.next() < 0.1)
    frames.push(
      clientFrame(random.below(16), Buffer.from(Array.from({ length: random.below(300) }, () => random.below(256)))),
    );
  return Buffer.concat(frames);
}

function problemOf(
  received: string,
  seen: { final: number; error: number; closes: Map<number, number> },
): string | undefined {
  const bytes = Buffer.from(received, "latin1");
  const split = bytes.indexOf("\r\n\r\n");
  if (split < 0) return undefined;
  const frames = serverFrames(bytes.subarray(split + 4));
  if (frames === undefined) return "the server's bytes are no frames";
  for (const { opcode, payload } of frames) {
    if (opcode === 1) {
      const message = JSON.parse(payload.toString()) as { type: string; code?: string }; // checked below
      if (message.type === "final") seen.final++;
      if (message.type === "error") seen.error++;
      if (!["ready", "partial", "final", "error"].includes(message.type))
        return `unknown message ${payload.toString()}`;
      if (message.type === "error" && !((message.code ?? "") in WIRE_ERROR_STATUS))
        return `unknown code ${payload.toString()}`;
    } else if (opcode === 8) {
      const code = closeCodeOf(payload);
      seen.closes.set(code, (seen.closes.get(code) ?? 0) + 1);
      if (!mayCloseWith(code)) return `close ${code}`;
    } else if (opcode !== 9 && opcode !== 10) return `opcode ${opcode}`;
  }
  return undefined;
}
