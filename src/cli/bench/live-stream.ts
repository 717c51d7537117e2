import { WebSocket } from "ws";
import { SAMPLE_RATE_HZ } from "./speech.ts";
import { setTimeout, sleep } from "../../shared/time/timers.ts";

/** What one real-time stream saw. */
export interface LiveStreamResult {
  readonly firstPartialMs: number | undefined;
  readonly wordLagsMs: readonly number[];
  readonly finalMs: number | undefined;
  /** The server's own reason when it did not take the session. */
  readonly refused: string | undefined;
}

const FRAME_MS = 100;
const STOP_TIMEOUT_MS = 20_000;

/** Streams speech in 100 ms frames at real time and measures when words become visible. */
export async function runLiveStream(url: string, speech: Int16Array, signal: AbortSignal): Promise<LiveStreamResult> {
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/v1/ws`);
  const lags: number[] = [];
  let seenUntilS = 0;
  let startMs = 0;
  let stopMs = 0;
  let firstPartialMs: number | undefined;
  let finalMs: number | undefined;
  let refused: string | undefined;
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const ready = new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
    socket.on("message", (data) => {
      const nowMs = performance.now();
      const message = JSON.parse(String(data)) as ServerMessage; // our own server's
      if (message.type === "ready") resolve();
      if (message.type === "error") refused ??= message.code;
      if (message.type !== "partial" && message.type !== "final") return;
      if (message.text && firstPartialMs === undefined) firstPartialMs = nowMs - startMs;
      for (const word of message.words ?? []) {
        if (word.end <= seenUntilS) continue;
        seenUntilS = word.end;
        lags.push(Math.max(0, nowMs - startMs - word.end * 1000));
      }
      if (message.type === "final" && stopMs > 0) finalMs = nowMs - stopMs;
    });
  });
  socket.on("error", (error) => (refused ??= error.message));
  const abort = (): void => socket.terminate();
  signal.addEventListener("abort", abort, { once: true });
  try {
    await ready;
    if (refused !== undefined || socket.readyState !== WebSocket.OPEN) return result();
    socket.send(JSON.stringify({ type: "configure", sample_rate: SAMPLE_RATE_HZ }));
    startMs = performance.now();
    await sendAtRealTime(socket, speech, startMs, signal);
    stopMs = performance.now();
    socket.send(JSON.stringify({ type: "stop" }));
    const timer = setTimeout(abort, STOP_TIMEOUT_MS);
    await closed;
    clearTimeout(timer);
    return result();
  } finally {
    signal.removeEventListener("abort", abort);
    socket.terminate();
  }

  function result(): LiveStreamResult {
    return { firstPartialMs, wordLagsMs: lags, finalMs, refused };
  }
}

interface ServerMessage {
  readonly type: string;
  readonly code?: string;
  readonly text?: string;
  readonly words?: readonly { readonly end: number }[];
}

/** A frame is sent when its last sample would have been spoken. */
async function sendAtRealTime(
  socket: WebSocket,
  speech: Int16Array,
  startMs: number,
  signal: AbortSignal,
): Promise<void> {
  const frame = (SAMPLE_RATE_HZ * FRAME_MS) / 1000;
  for (let position = 0; position < speech.length; position += frame) {
    const end = Math.min(speech.length, position + frame);
    const waitMs = startMs + (end / SAMPLE_RATE_HZ) * 1000 - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    if (signal.aborted || socket.readyState !== WebSocket.OPEN) return;
    socket.send(new Uint8Array(speech.buffer, speech.byteOffset + position * 2, (end - position) * 2));
  }
}
