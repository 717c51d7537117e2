import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { WIRE_ERROR_STATUS } from "../../src/shared/protocol.ts";
import { heldBytes } from "../support/memory.ts";
import { createRandom, mutate, runCases } from "../support/mutate.ts";
import { openRaw } from "../support/raw-http.ts";
import { startTestServer } from "../support/runtime-server.ts";
import { SEED, fuzzCases } from "../support/fuzz.ts";

const CASES = fuzzCases(10_000);

const folder = new URL("../fixtures/audio/", import.meta.url);
const audio = readdirSync(folder)
  .filter((name) => /\.(?:mp3|flac|ogg|oga|opus|webm|m4a|aac|mka|mp4|mov)$/.test(name))
  .map((name) => ({ name, bytes: readFileSync(new URL(name, folder)) }))
  .filter(({ bytes }) => bytes.length < 32_000);
const clip = readFileSync(new URL("../fixtures/eval/dev_espeak_07.wav", import.meta.url));
const files = [...audio, ...wavShapes()];

describe("mutated audio through the live server", () => {
  it(
    `answers ${CASES} mutated files with a transcript or a coded error, and loses no slot and no memory`,
    { timeout: 600_000 },
    async () => {
      const server = await startTestServer({ engine: createFakeEngine(), config: { pool: { size: 4, queue: 64 } } });
      const { admission, uploads, exchanges } = server.runtime.context;
      const answers = new Map<string, number>();
      const bad: string[] = [];
      let earlyBytes = 0;
      await runCases(CASES, 8, async (number) => {
        server.lines.length = 0;
        if (number === Math.floor(CASES / 4)) earlyBytes = await heldBytes();
        const random = createRandom(SEED + number * 7919);
        const { name, bytes } = random.pick(files);
        const path = random.pick(["/v1/transcribe", "/v1/transcribe?channels=split", "/v1/transcribe?format=srt"]);
        const response = await fetch(server.url + path, { method: "POST", body: mutate(bytes, random) });
        const text = await response.text();
        const key = response.status === 200 ? "transcript" : codeOf(text);
        answers.set(key, (answers.get(key) ?? 0) + 1);
        const isFine = response.status === 200 || (isWireCode(key) && response.status < 500);
        if (!isFine) bad.push(`case ${number} (${name}): ${response.status} ${text.slice(0, 200)}`);
      });
      expect(bad).toEqual([]);
      expect([admission.available, admission.waiters, uploads.heldBytes]).toEqual([4, 0, 0]);
      await expect.poll(() => exchanges.size).toBe(0);
      // Neither refuses everything nor accepts everything.
      expect(answers.get("transcript")).toBeGreaterThan(CASES / 20);
      expect([...answers.keys()].length).toBeGreaterThan(2);
      expect((await fetch(`${server.url}/ready`)).status).toBe(200);
      expect((await heldBytes()) - earlyBytes).toBeLessThan(16 * 2 ** 20);
      await server.close();
    },
  );
});

describe("mutated HTTP through the live server", () => {
  const requests = [
    "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "POST /v1/transcribe?format=txt&download=a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcde",
    "POST /v1/transcribe HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
    "OPTIONS /v1/models HTTP/1.1\r\nHost: a\r\nOrigin: http://localhost\r\nX-Request-Id: r-1\r\nConnection: close\r\n\r\n",
    "GET /v1/models HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n\r\n",
    "POST /v1/transcribe/stream HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nabcde",
  ].map((text) => Buffer.from(text));
  const cases = Math.ceil(CASES / 5);

  it(`answers or closes ${cases} mutated requests, and loses nothing`, { timeout: 600_000 }, async () => {
    const server = await startTestServer({ timing: { lingerMs: 20, uploadGraceMs: 100 } });
    const { admission, uploads, exchanges } = server.runtime.context;
    await runCases(cases, 32, async (number) => {
      const random = createRandom(SEED + number * 104_729);
      const client = openRaw(server.port);
      client.socket.end(mutate(random.pick(requests), random));
      const text = await client.ended;
      for (const [, status] of text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)) expect(Number(status)).not.toBe(500);
      client.socket.destroy();
    });
    await expect.poll(() => [admission.available, uploads.heldBytes, exchanges.size]).toEqual([4, 0, 0]);
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
    expect(server.lines.filter((line) => line["event"] === "request_failed")).toEqual([]);
    await server.close();
  });
});

function codeOf(text: string): string {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null && "code" in body ? String(body.code) : "no code";
  } catch {
    return "no JSON";
  }
}

function isWireCode(code: string): boolean {
  return code in WIRE_ERROR_STATUS;
}

/** The same second of speech in several shapes of WAV. */
function wavShapes(): { name: string; bytes: Buffer }[] {
  const pcm = clip.subarray(44, 44 + 32_000);
  const shape = (
    name: string,
    tag: number,
    bits: number,
    channels: number,
    data: Buffer,
  ): { name: string; bytes: Buffer } => {
    const header = Buffer.alloc(44);
    header.write("RIFF", 0);
    header.writeUInt32LE(36 + data.length, 4);
    header.write("WAVEfmt ", 8);
    header.writeUInt32LE(16, 16);
    header.writeUInt16LE(tag, 20);
    header.writeUInt16LE(channels, 22);
    header.writeUInt32LE(16_000, 24);
    header.writeUInt32LE((16_000 * channels * bits) / 8, 28);
    header.writeUInt16LE((channels * bits) / 8, 32);
    header.writeUInt16LE(bits, 34);
    header.write("data", 36);
    header.writeUInt32LE(data.length, 40);
    return { name, bytes: Buffer.concat([header, data]) };
  };
  return [
    shape("pcm16.wav", 1, 16, 1, pcm),
    shape("pcm16-stereo.wav", 1, 16, 2, pcm),
    shape("pcm8.wav", 1, 8, 1, pcm),
    shape("pcm24.wav", 1, 24, 1, pcm.subarray(0, 31_998)),
    shape("float32.wav", 3, 32, 1, pcm),
    shape("alaw.wav", 6, 8, 1, pcm),
    shape("ulaw.wav", 7, 8, 1, pcm),
  ];
}
