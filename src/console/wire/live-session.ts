import { PROTOCOL_VERSION, ROUTES } from "../../shared/protocol.ts";
import type { TimedWord } from "../../shared/transcript/transcript.ts";
import { webSocketAt } from "./address.ts";
import type { ServerEvent } from "./events.ts";
import { createReplay } from "./replay.ts";
import { askSession } from "./session.ts";

export type LiveState = "connecting" | "listening" | "reconnecting" | "stopped";

export interface LiveSession {
  write(pcm: Int16Array<ArrayBuffer>): void;
  /** Resolves when the final result has arrived. */
  stop(): Promise<void>;
}

export interface LiveHandlers {
  onState(state: LiveState): void;
  onPartial(committed: string, tentative: string, latencyMs: number | undefined): void;
  /** Times count from the first sample that was written, over all connections. */
  onFinal(words: readonly TimedWord[]): void;
  onError(message: string): void;
}

const LONGEST_DELAY_MS = 10_000;
const LAST_FINAL_MS = 15_000;

/** A session that outlives its connections: when one breaks, another is made and what it had not answered is sent again. */
export function openLiveSession(rateHz: number, endpoint: string, on: LiveHandlers): LiveSession {
  const replay = createReplay(rateHz);
  let socket: WebSocket | undefined;
  let isReady = false;
  let isStopping = false;
  let isSignedOut = false;
  let failures = 0;
  let retryAfterMs: number | undefined;
  let limit: number | undefined;
  let finish = (): void => {};
  const finished = new Promise<void>((resolve) => {
    finish = () => {
      clearTimeout(limit);
      on.onState("stopped");
      resolve();
    };
  });

  const connect = (): void => {
    isReady = false;
    const opened = new WebSocket(webSocketAt(ROUTES.live.path));
    socket = opened;
    opened.addEventListener("message", ({ data }) => receive(JSON.parse(String(data)) as ServerEvent)); // our own server's
    opened.addEventListener("close", () => {
      if (socket !== opened) return;
      socket = undefined;
      if (isStopping) return finish();
      on.onState("reconnecting");
      // A browser does not tell why an upgrade was refused.
      if (!isReady || isSignedOut) void askSession();
      const delayMs = retryAfterMs ?? Math.min(LONGEST_DELAY_MS, 250 * 2 ** failures);
      retryAfterMs = undefined;
      failures++;
      setTimeout(() => (isStopping ? finish() : connect()), delayMs);
    });
  };

  const receive = (event: ServerEvent): void => {
    switch (event.type) {
      case "ready":
        send({ type: "configure", sample_rate: rateHz, protocol_version: PROTOCOL_VERSION, endpoint_mode: endpoint });
        isReady = true;
        isSignedOut = false;
        failures = 0;
        for (const block of replay.restart()) socket?.send(block);
        on.onState("listening");
        if (isStopping) send({ type: "stop" });
        return;
      case "partial": {
        const heardS = event.words.at(-1)?.end;
        on.onPartial(event.committed, event.tentative, heardS === undefined ? undefined : replay.latencyMs(heardS));
        return;
      }
      case "final":
        on.onFinal(replay.answered(event.words));
        return;
      case "error":
        isSignedOut = event.code === "invalid_api_key";
        retryAfterMs = event.retry_after_ms;
        return on.onError(event.message);
      default:
        return;
    }
  };

  const send = (message: unknown): void => socket?.send(JSON.stringify(message));
  on.onState("connecting");
  connect();
  return {
    write: (pcm) => {
      replay.add(pcm);
      if (isReady && socket?.readyState === WebSocket.OPEN) socket.send(pcm);
    },
    stop: () => {
      isStopping = true;
      limit = window.setTimeout(() => {
        socket?.close();
        socket = undefined;
        finish();
      }, LAST_FINAL_MS);
      if (isReady && socket?.readyState === WebSocket.OPEN) send({ type: "stop" });
      else if (socket === undefined) finish();
      return finished;
    },
  };
}
