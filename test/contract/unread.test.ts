import { connect } from "node:net";
import type { Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";
import { UPGRADE, clientFrame } from "../support/ws-frames.ts";

/** One client of each face of live sessions that asks and asks, and reads nothing of what it is answered. */
const pings = Buffer.concat(Array.from({ length: 100 }, () => clientFrame(9, Buffer.alloc(125))));
const upgrade = (target: string): string => UPGRADE.toString().replace(/ \S+ /, ` ${target} `);
const FACES: Readonly<Record<string, { listener: "http" | "vosk" | "wyoming"; greeting: string; question: Buffer }>> = {
  "the native WebSocket": { listener: "http", greeting: upgrade("/v1/ws"), question: pings },
  Realtime: { listener: "http", greeting: upgrade("/v1/realtime?intent=transcription"), question: pings },
  Vosk: { listener: "vosk", greeting: upgrade("/"), question: pings },
  Wyoming: { listener: "wyoming", greeting: "", question: Buffer.from('{"type":"describe"}\n'.repeat(100)) },
};
/** Enough to fill what the kernel keeps of the answers. */
const MOST_QUESTIONS = 1500;

let server: TestServer | undefined;
let socket: Socket | undefined;
afterEach(async () => {
  socket?.destroy();
  await server?.close();
});

async function ask(face: keyof typeof FACES, options: Parameters<typeof startTestServer>[0]): Promise<void> {
  const { listener, greeting, question } = FACES[face]!; // of the list above
  server = await startTestServer({ engine: createFakeEngine(), ...options });
  const port =
    listener === "http" ? server.port : (await server.runtime.listenFor(listener, { host: "127.0.0.1", port: 0 })).port;
  const client = connect({ host: "127.0.0.1", port }).pause();
  socket = client.on("error", () => {});
  client.write(greeting);
  await expect.poll(() => server?.runtime.context.sessions.size).toBe(1);
  for (let n = 0; n < MOST_QUESTIONS && !client.destroyed; n++) {
    if (!client.write(question))
      await Promise.race([new Promise((resolve) => client.once("drain", resolve)), isOver()]);
    else if (n % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (server.runtime.context.sessions.size === 0) break;
  }
  await isOver();
}

async function isOver(): Promise<void> {
  await expect.poll(() => server?.runtime.context.sessions.size, { interval: 20 }).toBe(0);
}

const end = (): object | undefined => server?.lines.find(({ event }) => event === "session_end");

describe.each(Object.keys(FACES))("a client of %s that asks and reads nothing", (face) => {
  it("is cut when too much of what it asked for is unread, or its questions cost too much", async () => {
    await ask(face, {
      config: { limits: { wsOutgoingBytes: 64 * 1024 } },
      timing: { closeGraceMs: 100, lingerMs: 100 },
    });
    expect(end()).toMatchObject({ code: expect.stringMatching(/^(?:policy_violation|bad_request)$/) });
  });

  it("is cut when it takes nothing for too long, however little is unread", async () => {
    const timing = { slowReaderMs: 300, closeGraceMs: 100, lingerMs: 100 };
    await ask(face, { config: { limits: { wsOutgoingBytes: 2 ** 30 } }, timing });
    expect(end()).toMatchObject({ code: expect.stringMatching(/^(?:policy_violation|bad_request)$/) });
  });
});
