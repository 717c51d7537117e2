import { fork, type ChildProcess } from "node:child_process";
import { get } from "node:http";
import { setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { connect } from "../../support/ws-client.ts";
import { evalClips, streamPcm } from "./harness.ts";

const fixture = fileURLToPath(new URL("../../fixtures/load/hostile.js", import.meta.url));
const bystanderFixture = fileURLToPath(new URL("../../fixtures/load/bystander.js", import.meta.url));
const [clip] = evalClips(1);

/** A person speaks a clip in real time. Resolves with the time until the last final; rejects when the text is not the clip's. */
export async function speak(port: number): Promise<number> {
  const startMs = performance.now();
  const client = await connect(`ws://127.0.0.1:${port}/v1/ws`);
  client.send({ type: "configure", sample_rate: 16_000 });
  await streamPcm((part) => client.audio(part), clip!.pcm, 1);
  client.send({ type: "stop" });
  const { code } = await client.closed;
  const texts = client.received.filter(({ type }) => type === "final").map(({ text }) => String(text));
  expect([code, texts.join(" ").trim()]).toEqual([1000, clip!.text]);
  return performance.now() - startMs;
}

/** Sends the clip as a file. Resolves with the time it took; rejects when the text is not the clip's. */
export async function transcribe(port: number): Promise<number> {
  const startMs = performance.now();
  const body = new Uint8Array(clip!.wav);
  const answer = await fetch(`http://127.0.0.1:${port}/v1/transcribe`, { method: "POST", body });
  expect([answer.status, ((await answer.json()) as { text: string }).text]).toEqual([200, clip!.text]); // our own envelope
  return performance.now() - startMs;
}

/** Asks for /health on a connection of its own. Resolves with the time it took. */
export function probe(port: number): Promise<number> {
  const startMs = performance.now();
  return new Promise((resolve, reject) => {
    get({ port, host: "127.0.0.1", path: "/health", agent: false }, (answer) => {
      answer.resume();
      answer.once("end", () => resolve(performance.now() - startMs));
    }).once("error", reject);
  });
}

/** Names of the attacks that `startAttack` knows. */
export async function hostileKinds(): Promise<string[]> {
  const child = fork(fixture, ["kinds"]);
  const { kinds } = await answerOf<{ kinds: string[] }>(child);
  child.disconnect();
  return kinds;
}

export interface Attack {
  /** Ends it; what its clients sent. */
  stop(): Promise<{ bytes: number; connections: number }>;
}

/** Starts so many hostile clients of one address. */
export async function startAttack(kind: string, port: number, count: number, address = "127.0.0.2"): Promise<Attack> {
  const child = fork(fixture, [kind, String(port), String(count), address]);
  // Attackers have machines of their own: here they get the processor time that is left.
  setPriority(child.pid!, 19);
  await answerOf(child);
  await sleep(300);
  return {
    stop: async () => {
      child.send("stop");
      return (await answerOf<{ sent: { bytes: number; connections: number } }>(child)).sent;
    },
  };
}

export interface Bystander {
  port: number;
  stop(): void;
}

/** Starts a plain HTTP server in a process of its own. Nobody attacks it: how late it answers is what the machine takes from everybody. */
export async function startBystander(): Promise<Bystander> {
  const child = fork(bystanderFixture);
  const { port } = await answerOf<{ port: number }>(child);
  return { port, stop: () => child.kill() };
}

// ---

function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    child.once("message", (message) => resolve(message as T)); // our own fixture
    child.once("exit", (code) => reject(new Error(`the hostile clients ended with ${code}`)));
  });
}
