import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { fuzzCases, SEED } from "../support/fuzz.ts";
import { parseAnswers } from "../support/http-answers.ts";
import { createRandom, runCases } from "../support/mutate.ts";
import type { Random } from "../support/mutate.ts";
import { createPacedEngine } from "../support/paced-engine.ts";
import { openRaw } from "../support/raw-http.ts";
import { startTestServer } from "../support/runtime-server.ts";
import { clientFrame, serverFrames } from "../support/ws-frames.ts";

const CASES = fuzzCases(100_000, { quick: 300, sample: 5000 });

/** One thing that a client sends, and what must come back for it. */
interface Piece {
  readonly name: string;
  readonly bytes: Buffer;
  readonly status: number;
  /** The connection ends behind its answer. */
  readonly closes?: true;
  readonly hasNoBody?: true;
  /** Part of the answer's body. */
  readonly says?: string;
  /** Its end is missing: a client that closes its sending side gets 400 for that. */
  readonly isCut?: true;
  /** The server cannot know the request's id. */
  readonly isUnreadable?: true;
}

const UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";

type Kind = (id: string, random: Random) => Omit<Piece, "name" | "bytes"> & { readonly text: string | Buffer };

/** A request head; the id tells the answers apart. */
const head = (line: string, id: string, ...headers: string[]): string =>
  `${line} HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${id}\r\n${headers.join("")}\r\n`;
const upload = (random: Random): { body: string; says: string } => {
  const size = random.next() < 0.9 ? 1 + random.below(3000) : 70_000 + random.below(200_000);
  return { body: "x".repeat(size), says: `"text":"${size} bytes"` };
};
const chunked = (body: string): string => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
const STREAM = "/v1/transcribe/stream";

const KINDS: Readonly<Record<string, Kind>> = {
  health: (id) => ({ text: head("GET /health", id), status: 200, says: '"status":"ok"' }),
  models: (id) => ({ text: head("GET /v1/models", id), status: 200, says: '"id":"paced"' }),
  head: (id) => ({ text: head("HEAD /v1/models", id), status: 200, hasNoBody: true }),
  preflight: (id) => ({ text: head("OPTIONS /v1/models", id), status: 204, hasNoBody: true }),
  unknownRoute: (id) => ({ text: head("GET /nope", id), status: 404, says: "not_found" }),
  wrongMethod: (id) => ({ text: head("DELETE /health", id), status: 405, says: "method_not_allowed" }),
  bodyNowhere: (id) => ({ text: `${head("POST /nope", id, "Content-Length: 5\r\n")}hello`, status: 404 }),
  emptyBody: (id) => ({ text: head("POST /v1/transcribe", id, "Content-Length: 0\r\n"), status: 400 }),
  getWithBody: (id) => ({ text: `${head("GET /health", id, "Content-Length: 3\r\n")}abc`, status: 200 }),
  post: (id, random) => {
    const { body, says } = upload(random);
    return { text: head("POST /v1/transcribe", id, `Content-Length: ${body.length}\r\n`) + body, status: 200, says };
  },
  postChunked: (id, random) => {
    const { body, says } = upload(random);
    const text = head("POST /v1/transcribe", id, "Transfer-Encoding: chunked\r\n") + chunked(body);
    return { text, status: 200, says };
  },
  events: (id, random) => {
    const { body } = upload(random);
    const text = head(`POST ${STREAM}`, id, `Content-Length: ${body.length}\r\n`) + body;
    return { text, status: 200, says: `${body.length} bytes` };
  },
  trailers: (id) => ({
    text: `${head("POST /v1/transcribe", id, "Transfer-Encoding: chunked\r\n")}3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n`,
    status: 200,
    says: "3 bytes",
  }),
  expectContinue: (id, random) => {
    const { body, says } = upload(random);
    const headers = `Expect: 100-continue\r\nContent-Length: ${body.length}\r\n`;
    return { text: head("POST /v1/transcribe", id, headers) + body, status: 200, says };
  },
  expectTooLarge: (id) => ({
    text: head("POST /v1/transcribe", id, "Expect: 100-continue\r\nContent-Length: 99999999999\r\n"),
    status: 413,
    closes: true,
    isCut: true,
  }),
  expectUnknown: (id) => ({ text: head("GET /health", id, "Expect: a-miracle\r\n"), status: 417, closes: true }),
  expectUnknownBody: (id) => ({
    text: `${head("POST /v1/transcribe", id, "Expect: a-miracle\r\nContent-Length: 3\r\n")}abc`,
    status: 417,
    closes: true,
  }),
  h2c: (id) => ({ text: head("GET /health", id, H2C), status: 200, says: '"status":"ok"' }),
  h2cPost: (id, random) => {
    const { body, says } = upload(random);
    const text = head("POST /v1/transcribe", id, H2C, `Content-Length: ${body.length}\r\n`) + body;
    return { text, status: 200, says };
  },
  webSocket: (id) => ({
    text: Buffer.concat([
      Buffer.from(head("GET /v1/ws", id, UPGRADE, "Sec-WebSocket-Version: 13\r\n")),
      clientFrame(1, Buffer.from('{"type":"configure","sample_rate":16000}')),
      clientFrame(2, Buffer.alloc(320)),
      clientFrame(1, Buffer.from('{"type":"stop"}')),
    ]),
    status: 101,
    closes: true,
  }),
  webSocketNowhere: (id) => ({
    text: head("GET /nope", id, UPGRADE, "Sec-WebSocket-Version: 13\r\n"),
    status: 404,
    closes: true,
  }),
  webSocketWrong: (id) => ({
    text: head("GET /v1/ws", id, UPGRADE, "Sec-WebSocket-Version: 99\r\n"),
    status: 400,
    closes: true,
  }),
  connect: (id) => ({ text: head("CONNECT a:80", id), status: 405, closes: true }),
  noUpgrade: (id) => ({ text: head("GET /v1/ws", id), status: 426, closes: true }),
  garbage: () => ({ text: "GARBAGE\r\n\r\n", status: 400, closes: true, isUnreadable: true }),
  tlsHello: () => ({ text: Buffer.from("160301020001", "hex"), status: 400, closes: true, isUnreadable: true }),
  noHost: (id) => ({ text: `GET /health HTTP/1.1\r\nX-Request-Id: ${id}\r\n\r\n`, status: 400, closes: true }),
  twoHosts: (id) => ({ text: head("GET /health", id, "Host: b\r\n"), status: 400, closes: true }),
  twoFramings: (id) => ({
    text: `${head("POST /v1/transcribe", id, "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")}0\r\n\r\n`,
    status: 400,
    closes: true,
    isUnreadable: true,
  }),
  longHeaders: (id) => ({
    text: head("GET /health", id, `X-Long: ${"x".repeat(20_000)}\r\n`),
    status: 431,
    closes: true,
    isUnreadable: true,
  }),
  manyHeaders: (id) => ({ text: head("GET /health", id, "a:\r\n".repeat(2100)), status: 431, closes: true }),
  brokenChunks: (id) => ({
    text: `${head("POST /v1/transcribe", id, "Transfer-Encoding: chunked\r\n")}3\r\nabcXX0\r\n\r\n`,
    status: 400,
    closes: true,
  }),
  tooLarge: (id) => ({
    text: `${head("POST /v1/transcribe", id, "Content-Length: 99999999999\r\n")}hello`,
    status: 413,
    closes: true,
    isCut: true,
  }),
  manyTrailers: (id) => ({
    text: `${head("POST /v1/transcribe", id, "Transfer-Encoding: chunked\r\n")}3\r\nabc\r\n0\r\n${"a:\r\n".repeat(300)}\r\n`,
    status: 431,
  }),
  longTrailers: (id) => ({
    text: `${head("POST /v1/transcribe", id, "Transfer-Encoding: chunked\r\n")}3\r\nabc\r\n0\r\na: ${"b".repeat(20_000)}\r\n\r\n`,
    status: 431,
    closes: true,
  }),
  close: (id) => ({ text: head("GET /health", id, "Connection: close\r\n"), status: 200, closes: true }),
  http10: (id) => ({ text: `GET /health HTTP/1.0\r\nX-Request-Id: ${id}\r\n\r\n`, status: 200, closes: true }),
  http10KeepAlive: (id) => ({
    text: `GET /health HTTP/1.0\r\nConnection: keep-alive\r\nX-Request-Id: ${id}\r\n\r\n`,
    status: 200,
  }),
};
const NAMES = Object.keys(KINDS);
const OPEN_NAMES = NAMES.filter((name) => KINDS[name]!("", createRandom(1)).closes !== true); // its own keys
const MODES = ["whole", "whole", "split", "split", "half", "abort", "reset"] as const;

/** A random sequence, and how much of it is answered when its client stays. */
function sequence(number: number, random: Random): { pieces: Piece[]; expected: Piece[] } {
  const make = (name: string, index: number): Piece => {
    const { text, ...rest } = KINDS[name]!(`c${number}-${index}`, random); // its own keys
    return { name, bytes: typeof text === "string" ? Buffer.from(text, "latin1") : text, ...rest };
  };
  // Mostly pieces that leave the connection open, or sequences would be short.
  const names = Array.from({ length: 1 + random.below(8) }, () =>
    random.pick(random.next() < 0.75 ? OPEN_NAMES : NAMES),
  );
  const pieces = [...names, "close"].map(make);
  return { pieces, expected: pieces.slice(0, pieces.findIndex(({ closes }) => closes === true) + 1) };
}

describe("sequences of requests on one connection", () => {
  it(`answers ${CASES} random sequences in order, one answer per request, and loses nothing`, async () => {
    const engine = createPacedEngine({ transcribeMs: 2 });
    const server = await startTestServer({
      engine,
      timing: { lingerMs: 300 },
      config: { pool: { size: 4, queue: 256 } },
    });
    const { admission, uploads, exchanges, sessions } = server.runtime.context;
    const socketsBefore = openSockets();
    const bad: string[] = [];
    await runCases(CASES, 64, async (number) => {
      if (bad.length >= 5) return;
      const random = createRandom(SEED + number * 15_485_863);
      const { pieces, expected } = sequence(number, random);
      const mode = random.pick(MODES);
      const { text, stayed } = await play(server.port, Buffer.concat(pieces.map(({ bytes }) => bytes)), mode, random);
      const wrong = compare(text, expected, stayed);
      if (wrong !== undefined)
        bad.push(`case ${number} ${mode} [${pieces.map(({ name }) => name).join(" ")}]: ${wrong}`);
      server.lines.length = 0;
    });
    expect(bad).toEqual([]);
    await expect
      .poll(() => [admission.available, admission.waiters, uploads.heldBytes, exchanges.size, sessions.size], {
        timeout: 5000,
      })
      .toEqual([4, 0, 0, 0, 0]);
    await expect.poll(openSockets, { timeout: 5000 }).toBe(socketsBefore);
    expect((await fetch(`${server.url}/ready`, { headers: { connection: "close" } })).status).toBe(200);
    expect((await server.runtime.drain.begin("test")).cut).toBe(0);
    await server.close();
  }, 3_600_000);
});

async function play(
  port: number,
  bytes: Buffer,
  mode: (typeof MODES)[number],
  random: Random,
): Promise<{ text: string; stayed: boolean }> {
  const client = openRaw(port);
  const limit = setTimeout(() => client.socket.destroy(), 20_000);
  if (mode === "split") {
    const cuts = Array.from({ length: 1 + random.below(4) }, () => random.below(bytes.length)).sort((a, b) => a - b);
    for (const [index, cut] of [...cuts, bytes.length].entries()) {
      client.write(bytes.subarray(index === 0 ? 0 : cuts[index - 1], cut));
      await sleep(random.below(4));
    }
  } else client.write(bytes);
  if (mode === "half") client.socket.end();
  if (mode === "abort" || mode === "reset") {
    await sleep(random.below(15));
    if (mode === "abort") client.socket.destroy();
    else client.socket.resetAndDestroy();
  }
  const text = await client.ended;
  clearTimeout(limit);
  client.socket.destroy();
  return { text, stayed: mode === "whole" || mode === "split" };
}

/** What is wrong with the received bytes; undefined when nothing is. */
function compare(text: string, expected: readonly Piece[], stayed: boolean): string | undefined {
  const { answers, rest } = parseAnswers(text, (index) => expected[index]?.hasNoBody === true);
  const seen = answers.map(({ status }) => status).join(" ");
  const wanted = expected.map(({ status }) => status).join(" ");
  if (answers.length > expected.length) return `${seen} instead of ${wanted}`;
  for (const [index, { status, headers, body }] of answers.entries()) {
    const piece = expected[index]!; // not more answers than pieces
    if (status !== piece.status && !(piece.isCut === true && !stayed && status === 400))
      return `${seen} instead of ${wanted}`;
    const id = headers["x-request-id"];
    const wasKnown = /^c\d+-\d+$/.test(id ?? "");
    if (piece.isUnreadable !== true && !piece.bytes.includes(`X-Request-Id: ${id}\r\n`))
      return `answer ${index} (${piece.name}) has the id ${id}`;
    if (piece.isUnreadable === true && wasKnown) return `answer ${index} (${piece.name}) belongs to ${id}`;
    if (piece.says !== undefined && !body.includes(piece.says)) return `answer ${index} (${piece.name}) says ${body}`;
  }
  const frames = answers.at(-1)?.status === 101 ? serverFrames(Buffer.from(rest, "latin1")) : [];
  if (frames === undefined) return `no WebSocket frames behind the upgrade: ${JSON.stringify(rest.slice(0, 300))}`;
  if (!stayed) return undefined;
  if (answers.length < expected.length)
    return `${seen} instead of ${wanted}, then ${JSON.stringify(rest.slice(0, 200))}`;
  if (expected.at(-1)?.status === 101) return frames.at(-1)?.opcode === 8 ? undefined : "the WebSocket did not close";
  return rest === "" ? undefined : `bytes behind the last answer: ${JSON.stringify(rest.slice(0, 200))}`;
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
}
