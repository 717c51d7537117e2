import { expect, it } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { WIRE_ERROR_STATUS } from "../../src/shared/protocol.ts";
import { BOUNDARY, FORM_TYPE, formBytes, noiseWav } from "../support/forms.ts";
import type { FormPart } from "../support/forms.ts";
import { SEED, fuzzCases } from "../support/fuzz.ts";
import { heldBytes, openDescriptors } from "../support/memory.ts";
import { createRandom, mutate, runCases } from "../support/mutate.ts";
import type { Random } from "../support/mutate.ts";
import { openRaw, parseAnswer } from "../support/raw-http.ts";
import { startTestServer } from "../support/runtime-server.ts";

const CASES = fuzzCases(2000);
const wav = noiseWav(1, 0.3);

/** Parts of well-behaved clients, and of clients that are not. */
const parts: readonly ((random: Random) => FormPart)[] = [
  () => ({ name: "file", fileName: "a.wav", type: "audio/wav", value: wav }),
  () => ({ name: "file", fileName: "../../etc/passwd", value: wav.subarray(0, 4000) }),
  () => ({ name: "file", value: "no file at all" }),
  () => ({ name: "audio_file", fileName: "audio_file", value: wav }),
  () => ({ name: "model", value: "whisper-1" }),
  (random) => ({
    name: "response_format",
    value: random.pick(["json", "text", "srt", "vtt", "verbose_json", "x", ""]),
  }),
  (random) => ({ name: "language", value: random.pick(["ru", "ru-RU", "de", "", "\u0000", "р".repeat(300)]) }),
  (random) => ({ name: "stream", value: random.pick(["true", "false", "1", "maybe"]) }),
  (random) => ({ name: "timestamp_granularities[]", value: random.pick(["word", "segment", "phone"]) }),
  (random) => ({ name: "keywords[]", value: random.pick(["Ада", "a".repeat(200), "x:99", ""]) }),
  (random) => ({ name: "temperature", value: random.pick(["0", "NaN", "-1", "1e400"]) }),
  () => ({ name: "__proto__", value: "1" }),
  () => ({ name: "prompt", value: "п".repeat(40_000) }),
  () => ({ name: 'a"; filename="b', value: "quotes" }),
  () => ({ name: "", value: `\r\n--${BOUNDARY}` }),
];

it(
  `answers ${CASES} hostile forms with a transcript or a coded error in the route's own form, and loses no slot, memory or exchange`,
  { timeout: 3_600_000 },
  async () => {
    const server = await startTestServer({
      engine: createFakeEngine(),
      config: { pool: { size: 4, queue: 64 }, rateLimit: { perMinute: 0, burst: 0 } },
    });
    const { admission, uploads, exchanges } = server.runtime.context;
    const descriptors = openDescriptors();
    const seen = new Map<string, number>();
    const bad: string[] = [];
    let earlyBytes = 0;
    await runCases(CASES, 8, async (number) => {
      server.lines.length = 0;
      if (number === Math.floor(CASES / 4)) earlyBytes = await heldBytes();
      const random = createRandom(SEED + number * 7919);
      const path = random.pick([
        "/v1/audio/transcriptions",
        "/v1/audio/transcriptions",
        "/asr?output=srt",
        "/detect-language",
      ]);
      const isClean = random.next() < 0.4;
      const form = formBytes([
        ...(isClean ? [parts[path.startsWith("/v1") ? 0 : 3]!(random)] : []), // of the list above
        ...Array.from({ length: random.below(6) }, () => random.pick(parts)(random)),
      ]);
      const body = isClean ? form : Buffer.from(mutate(form, random));
      const client = openRaw(server.port, { allowHalfOpen: true });
      const leaves = !isClean && random.next() < 0.25;
      await send(client, requestOf(path, body, random), random, leaves);
      if (leaves && random.next() < 0.5) client.socket.end();
      else if (leaves) client.socket.resetAndDestroy();
      const text = leaves ? "" : await client.ended;
      client.socket.destroy();
      const verdict = leaves ? "left" : verdictOf(path, text);
      seen.set(verdict, (seen.get(verdict) ?? 0) + 1);
      if (verdict.startsWith("bad: ")) bad.push(`case ${number} ${path}: ${verdict}`);
    });
    expect(bad).toEqual([]);
    await expect
      .poll(() => [admission.available, admission.waiters, uploads.heldBytes, exchanges.size], { timeout: 20_000 })
      .toEqual([4, 0, 0, 0]);
    await expect.poll(openDescriptors).toBe(descriptors);
    // Neither refuses everything nor accepts everything.
    expect(seen.get("transcript")).toBeGreaterThan(CASES / 20);
    expect(seen.size).toBeGreaterThan(4);
    expect((await heldBytes()) - earlyBytes).toBeLessThan(16 * 2 ** 20);
    await server.close();
  },
);

/** A whole request; now and then chunked, with a length that lies, or with a boundary that is none. */
function requestOf(path: string, body: Buffer, random: Random): Buffer {
  const type = random.next() < 0.9 ? FORM_TYPE : random.pick(["multipart/form-data", "text/plain", `${FORM_TYPE}x`]);
  const isChunked = random.next() < 0.4;
  const half = body.length >> 1;
  const chunk = (piece: Buffer): Buffer[] =>
    piece.length === 0 ? [] : [Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")];
  const framed = isChunked
    ? Buffer.concat([...chunk(body.subarray(0, half)), ...chunk(body.subarray(half)), Buffer.from("0\r\n\r\n")])
    : body;
  const head = [
    `POST ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Connection: close",
    `Content-Type: ${type}`,
    isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${body.length}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), framed]);
}

async function send(
  client: ReturnType<typeof openRaw>,
  request: Buffer,
  random: Random,
  leaves: boolean,
): Promise<void> {
  const whole = leaves ? request.subarray(0, random.below(request.length)) : request;
  let at = 0;
  while (at < whole.length) {
    const end = Math.min(whole.length, at + 1 + random.below(20_000));
    client.write(whole.subarray(at, end));
    at = end;
    if (random.next() < 0.2) await new Promise(setImmediate);
  }
}

function verdictOf(path: string, text: string): string {
  const { status, headers, body } = parseAnswer(text);
  if (status === 200) return "transcript";
  const code = path.startsWith("/v1") ? codeOf(body) : (headers["x-error-code"] ?? "");
  if (!path.startsWith("/v1") && body !== "") return `bad: a body with the error ${status}`;
  if (!(code in WIRE_ERROR_STATUS) || status >= 500) return `bad: ${status} ${code} ${body.slice(0, 200)}`;
  return code;
}

function codeOf(body: string): string {
  try {
    return String((JSON.parse(body) as { error: { code: string } }).error.code); // any other answer is reported
  } catch {
    return "";
  }
}
