import { WebSocket } from "ws";
import { connectionOf } from "../../../shared/outside/client.ts";
import { printable } from "../../../shared/text/printable.ts";
import { formatDuration } from "../../../shared/units.ts";
import { NotCheckedError, notChecked, ok, verdictOf } from "../../../audit/observe/verdict.ts";
import { problem } from "../kit.ts";
import type { LiveContext } from "../context.ts";
import type { Probe } from "../probe.ts";
import { setTimeout } from "../../../shared/time/timers.ts";

/** How long after its idle limit the server may take to close. */
const SLACK_MS = 15_000;

export const probe: Probe = {
  id: "GA-LIV-017",
  severity: "error",
  confidence: "certain",
  title: "A silent session is cut without the server's close code",
  why: "When the proxy's timer fires first the client sees 1006: no code, no final result, and nothing to distinguish a pause from a crash. The server's own close says idle_timeout and comes after the result.",
  evidence: ["One session is opened and stays silent until it ends: error idle_timeout, then close 1001."],
  reads: ["GET /v1/ws"],
  fixKind: "manual",
  sameAs: ["GA-STR-004", "GA-STR-006"],
  waits: true,
  run: async (live) => {
    const idleMs = live.assume.number("session.idleTimeout");
    const wantedMs = idleMs + SLACK_MS;
    if (live.timeLeftMs() < wantedMs)
      return notChecked(
        `a session may be silent for ${formatDuration(idleMs)}; --live-time ${Math.ceil((wantedMs + 15_000) / 1000)} waits for it`,
      );
    const end = await silentSession(live, wantedMs);
    const after = `after ${(end.afterMs / 1000).toFixed(1)} s`;
    if (end.error === "idle_timeout" && end.code === 1001)
      return ok(`closed by the server ${after}: idle_timeout, 1001`);
    const fix =
      "Make every timer of the proxy on this route longer than session.idleTimeout + 30 s: nginx proxy_read_timeout and proxy_send_timeout, Caddy stream_timeout; or render again.";
    const seen = `${end.code === undefined ? "still open" : `closed with ${end.code}`}${end.error === undefined ? "" : `, error ${end.error}`} ${after}`;
    return verdictOf(
      [
        problem(live, "GET /v1/ws, then silence", seen, {
          message:
            end.code === undefined
              ? `a silent session is still open ${after}, past the idle limit of ${formatDuration(idleMs)}`
              : `a silent session is cut ${after} with ${end.code}${end.error === undefined ? ", without the server's idle_timeout" : ` (${end.error})`}; the server's limit is ${formatDuration(idleMs)}`,
          fix,
          ...(live.assume.isSet("session.idleTimeout") ? {} : { confidence: "likely" as const }),
        }),
      ],
      "",
    );
  },
};

// ---

interface SessionEnd {
  /** Close code; undefined = still open. 1006 = no Close frame came. */
  readonly code: number | undefined;
  /** Code of the server's last error message. */
  readonly error: string | undefined;
  readonly afterMs: number;
}

async function silentSession(live: LiveContext, waitMs: number): Promise<SessionEnd> {
  const { target, firstHandshake } = live;
  const trusted = firstHandshake?.problem === undefined;
  live.spend();
  const url = new URL("/v1/ws", target.url);
  url.protocol = target.url.protocol === "https:" ? "wss:" : "ws:";
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, {
      ...connectionOf(target, target.url, !trusted),
      rejectUnauthorized: trusted,
      headers: target.authorization === undefined || !trusted ? {} : { Authorization: target.authorization },
      perMessageDeflate: false,
      followRedirects: false,
      handshakeTimeout: target.timeoutMs,
      maxPayload: 65_536,
    });
    const startedMs = performance.now();
    let error: string | undefined;
    let received = 0;
    let settled = false;
    const finish = (settle: () => void): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      target.signal.removeEventListener("abort", aborted);
      socket.terminate();
      settle();
    };
    const end = (code: number | undefined): void =>
      finish(() => resolve({ code, error, afterMs: performance.now() - startedMs }));
    const refuse = (reason: string): void => finish(() => reject(new NotCheckedError(reason)));
    const aborted = (): void => refuse("the time of this run is over");
    const timer = setTimeout(() => end(undefined), waitMs);
    target.signal.addEventListener("abort", aborted, { once: true });
    socket.on("unexpected-response", (_request, response) => refuse(`the handshake gets ${response.statusCode}`));
    socket.on("error", (failure) => {
      if (socket.readyState === WebSocket.CONNECTING) refuse(printable(failure.message, 120));
    });
    socket.on("message", (data) => {
      received += 1;
      if (received > 1000) refuse("the other side sends without end");
      error = errorCode(String(data)) ?? error;
    });
    socket.on("close", (code) => end(code));
  });
}

function errorCode(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Reflect.get(value, "type") !== "error") return undefined;
    const code: unknown = Reflect.get(value, "code");
    return typeof code === "string" ? printable(code) : undefined;
  } catch {
    return undefined;
  }
}
