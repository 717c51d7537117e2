import { WebSocket } from "ws";
import { ok, verdictOf, type Verdict } from "../../audit/observe/verdict.ts";
import { connectionOf } from "../../shared/outside/client.ts";
import { wavFile } from "../../shared/wav.ts";
import type { LiveContext } from "../live/context.ts";
import { problem } from "../live/kit.ts";
import { field, firstLine } from "./answer.ts";
import { setTimeout } from "../../shared/time/timers.ts";

/** A file is transcribed. */
export async function file(live: LiveContext): Promise<Verdict> {
  const answer = await live.askPatiently("/v1/transcribe", {
    method: "POST",
    body: SAMPLE_WAV,
    announcedBytes: SAMPLE_WAV.length,
  });
  if (answer.status === 200 && field(answer.body, "text") !== undefined)
    return ok(`1 s of audio in ${Math.round(answer.piecesAtMs[0] ?? 0)} ms`);
  return failed(live, "POST /v1/transcribe", answer.status, {
    message: `one second of audio gets ${answer.status}: ${firstLine(answer.body)}`,
    fix: "Check that the proxy passes POST /v1/transcribe to the server, then gigastt status and gigastt logs.",
  });
}

/** An event stream ends with its final event, uncompressed. */
export async function eventStream(live: LiveContext): Promise<Verdict> {
  const answer = await live.askPatiently("/v1/transcribe/stream", {
    method: "POST",
    // As browsers do: a proxy that compresses shows it only to clients that accept it.
    headers: { "Accept-Encoding": "gzip" },
    body: SAMPLE_WAV,
    announcedBytes: SAMPLE_WAV.length,
  });
  const type = String(answer.headers["content-type"] ?? "no content type");
  const encoding = answer.headers["content-encoding"];
  const found = (message: string, fix: string): Verdict =>
    failed(live, "POST /v1/transcribe/stream", answer.status, { message, fix });
  if (answer.status !== 200 || !type.startsWith("text/event-stream"))
    return found(
      `gets ${answer.status}, ${type}: ${firstLine(answer.body)}`,
      "Check that the proxy passes POST /v1/transcribe/stream to the server, then gigastt status and gigastt logs.",
    );
  if (encoding !== undefined)
    return found(
      `the proxy compresses it (${encoding}), so events arrive late`,
      "Turn compression off on this route: render the proxy's file again.",
    );
  if (!/^data: .*"type":"final"/m.test(answer.body))
    return found(
      "the stream ended without a final event",
      "Check the proxy's read timeout and its log, and gigastt logs.",
    );
  return ok("final event received");
}

/** A live session runs from the handshake to close code 1000. */
export async function liveSession(live: LiveContext): Promise<Verdict> {
  const { target } = live;
  const url = new URL("/v1/ws", target.url);
  url.protocol = target.url.protocol === "https:" ? "wss:" : "ws:";
  const started = performance.now();
  return new Promise((resolve) => {
    const socket = new WebSocket(url, {
      ...connectionOf(target, target.url, false),
      headers: target.authorization === undefined ? {} : { Authorization: target.authorization },
      perMessageDeflate: false,
      handshakeTimeout: target.timeoutMs,
    });
    const fail = (message: string, fix: string): void => {
      clearTimeout(timer);
      socket.terminate();
      resolve(failed(live, "GET /v1/ws", 0, { message, fix }));
    };
    const timer = setTimeout(() => fail("the session does not end after stop", LOOK), target.timeoutMs);
    let final = false;
    let readyAtMs = 0;
    socket.on("unexpected-response", (_request, response) => {
      const status = response.statusCode ?? 0;
      fail(
        `the handshake gets ${status}`,
        FIXES[status] ?? "The proxy does not pass WebSocket upgrades to the server: render its file again.",
      );
    });
    socket.on("error", (error) => fail(error.message, LOOK));
    socket.on("message", (data: Buffer) => {
      const type = field(data.toString(), "type");
      if (type === "ready") {
        readyAtMs = performance.now() - started;
        socket.send(JSON.stringify({ type: "configure", sample_rate: 16_000 }));
        socket.send(SAMPLE_WAV.subarray(44));
        socket.send(JSON.stringify({ type: "stop" }));
      } else if (type === "final") final = true;
      else if (type === "error") fail(`the server answers: ${field(data.toString(), "message")}`, LOOK);
    });
    socket.on("close", (code) => {
      clearTimeout(timer);
      if (code === 1000 && final) resolve(ok(`ready in ${Math.round(readyAtMs)} ms, final result, closed with 1000`));
      else
        fail(
          `closed with ${code}${final ? "" : " before the final result"}`,
          "Check the proxy's timeouts on /v1/ws and its log, and gigastt logs.",
        );
    });
  });
}

// ---

const LOOK = "Look at gigastt status, gigastt logs and the proxy's log.";
const FIXES: Readonly<Record<number, string>> = {
  401: "The proxy asks for other credentials on /v1/ws than on the other routes: render its file again.",
  403: "The server refuses the Origin or the credentials: check server.allowedOrigins and what the proxy passes on.",
  429: "The rate limit is used up: repeat it in a minute.",
  503: "All slots are taken or the server stops: see gigastt status.",
};

function failed(live: LiveContext, request: string, status: number, more: { message: string; fix: string }): Verdict {
  return verdictOf([problem(live, request, status === 0 ? more.message : String(status), more)], "");
}

/** Half a second of silence and a tone, 16 kHz mono: enough for every route to answer, whatever the model hears in it. */
const SAMPLE_WAV = wavFile(
  Int16Array.from({ length: 16_000 }, (_, i) => (i < 8000 ? 0 : Math.round(6000 * Math.sin(i / 8)))),
);
