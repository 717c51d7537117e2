import { WebSocket } from "ws";
import { ask, connectionOf, NoAnswerError } from "../../../shared/outside/client.ts";
import { formatBytes } from "../../../shared/units.ts";
import { wavFile } from "../../../shared/wav.ts";
import { field, firstLine, type VerifyTarget } from "./check.ts";

/** A file becomes a transcript. */
export async function rest(target: VerifyTarget): Promise<string> {
  const answer = await ask(target, "/v1/transcribe", {
    method: "POST",
    body: SAMPLE_WAV,
    announcedBytes: SAMPLE_WAV.length,
  });
  if (answer.status !== 200 || field(answer.body, "text") === undefined)
    throw new Error(`a second of audio gets ${answer.status}: ${firstLine(answer.body)}`);
  return `1 s of audio in ${Math.round(answer.piecesAtMs[0] ?? 0)} ms`;
}

/** A stream ends with its final event, uncompressed. */
export async function sse(target: VerifyTarget): Promise<string> {
  const answer = await ask(target, "/v1/transcribe/stream", {
    method: "POST",
    // As browsers do: a proxy that compresses shows it only to those who can read it.
    headers: { "Accept-Encoding": "gzip" },
    body: SAMPLE_WAV,
    announcedBytes: SAMPLE_WAV.length,
  });
  const type = String(answer.headers["content-type"]);
  if (answer.status !== 200 || !type.startsWith("text/event-stream"))
    throw new Error(`gets ${answer.status} ${type}: ${firstLine(answer.body)}`);
  if (answer.headers["content-encoding"] !== undefined)
    throw new Error(`the proxy compresses it (${answer.headers["content-encoding"]}): events would come late`);
  if (!/^data: .*"type":"final"/m.test(answer.body)) throw new Error("the stream ended without a final event");
  return "final event received";
}

/** A live session from the handshake to code 1000. */
export async function websocket(target: VerifyTarget): Promise<string> {
  const url = new URL("/v1/ws", target.url);
  url.protocol = target.url.protocol === "https:" ? "wss:" : "ws:";
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, {
      ...connectionOf(target, target.url, false),
      headers: target.authorization === undefined ? {} : { Authorization: target.authorization },
      perMessageDeflate: false,
      handshakeTimeout: target.timeoutMs,
    });
    const timer = setTimeout(() => fail("the session does not end after stop"), target.timeoutMs);
    let final = false;
    let readyAtMs = 0;
    const fail = (reason: string): void => {
      clearTimeout(timer);
      socket.terminate();
      reject(new Error(reason));
    };
    socket.on("unexpected-response", (_request, response) =>
      fail(
        `the handshake gets ${response.statusCode}: ${response.statusCode === 403 ? "origin or credentials" : "the proxy does not pass upgrades on"}`,
      ),
    );
    socket.on("error", (error) => fail(error.message));
    socket.on("message", (data: Buffer) => {
      const type = field(data.toString(), "type");
      if (type === "ready") {
        readyAtMs = performance.now() - started;
        socket.send(JSON.stringify({ type: "configure", sample_rate: 16_000 }));
        socket.send(SAMPLE_WAV.subarray(44));
        socket.send(JSON.stringify({ type: "stop" }));
      } else if (type === "final") final = true;
      else if (type === "error") fail(`the server says: ${field(data.toString(), "message")}`);
    });
    socket.on("close", (code) => {
      clearTimeout(timer);
      if (code === 1000 && final) resolve(`ready in ${Math.round(readyAtMs)} ms, final, closed 1000`);
      else fail(`it closed with ${code}${final ? "" : " before a final"}`);
    });
  });
}

/** The largest upload passes and one byte more is refused. Only announces the sizes: the bytes themselves are never sent. */
export async function uploadLimit(target: VerifyTarget): Promise<string> {
  const announce = async (announcedBytes: number): Promise<number | undefined> => {
    const options = {
      method: "POST",
      announcedBytes,
      body: new Uint8Array(1024),
      timeoutMs: Math.min(2000, target.timeoutMs),
    };
    return ask(target, "/v1/transcribe", options).then(
      ({ status }) => status,
      (error: unknown) => {
        if (error instanceof NoAnswerError) return undefined;
        throw error;
      },
    );
  };
  const fitting = await announce(target.bodyBytes);
  if (fitting !== undefined)
    throw new Error(
      `${formatBytes(target.bodyBytes)} gets ${fitting} before it is sent: the proxy allows less than the server, or --body-limit is not theirs`,
    );
  const over = await announce(target.bodyBytes + 1);
  if (over !== 413)
    throw new Error(
      `one byte over ${formatBytes(target.bodyBytes)} gets ${over ?? "no refusal"}, not 413: proxy and server disagree, or --body-limit is not theirs`,
    );
  return `${formatBytes(target.bodyBytes)} pass, one byte more gets 413`;
}

// ---

/** Half a second of silence and a tone, 16 kHz mono: enough for every route to answer, whatever the model hears in it. */
const SAMPLE_WAV = wavFile(
  Int16Array.from({ length: 16_000 }, (_, i) => (i < 8000 ? 0 : Math.round(6000 * Math.sin(i / 8)))),
);
