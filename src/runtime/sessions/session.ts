import { WireError } from "../../shared/errors.ts";
import type { Slot } from "../admission.ts";
import type { RuntimeContext } from "../context.ts";
import { errorBody, toWireError } from "../errors.ts";
import { parseClientMessage } from "./client-message.ts";
import { applyConfigure, defaultSessionOptions, readyMessage } from "./configure.ts";
import { createFlow } from "./flow.ts";
import { createInbox } from "./inbox.ts";
import type { Frame } from "./inbox.ts";
import type { SessionPeer } from "./peer.ts";
import { createTimers } from "./timers.ts";
import { createUtterances } from "./utterances.ts";

/** One WebSocket session: `waiting` for a slot → `open` → `ending` (last final) → `closed`. */
export interface Session {
  readonly requestId: string;
  readonly phase: "waiting" | "open" | "ending" | "closed";
  /** The socket is paused on purpose: it cannot answer pings. */
  readonly isPaused: boolean;
  receiveText(text: string): void;
  /** The bytes are borrowed; they are copied before it returns. */
  receiveAudio(bytes: Uint8Array): void;
  /** Something was sent on the session's behalf (a pong): checks the outgoing bound. */
  checkOutgoing(): void;
  /** The socket broke a rule of WebSocket itself: it is closing already. */
  fail(code: number): void;
  /** The socket is gone. */
  gone(code: number): void;
  /** Ends in order: what was received is recognised, final, close 1001. */
  drain(): void;
  /** The deadline is near: the last final is sent now, with what is known. */
  hurry(): void;
  ping(): void;
  /** Cuts the connection. */
  terminate(): void;
  /** Resolves when the socket is gone; `cut` when its last final was not complete. */
  readonly ended: Promise<{ readonly cut: boolean }>;
}

export interface SessionIdentity {
  readonly requestId: string;
  readonly route: string;
  /** Key of the client's address. */
  readonly client: string;
}

interface Ending {
  readonly error: WireError | undefined;
  readonly code: number;
  readonly reason: string;
  /** Longest wait for the engine's last final. */
  readonly boundMs: number;
}

const MAX_BAD_TEXTS = 10;
const MAX_EMPTY_FRAMES = 1000;

export function createSession(peer: SessionPeer, identity: SessionIdentity, context: RuntimeContext): Session {
  const { clock, timing, settings, engine, metrics, log } = context;
  const openedMs = clock.monotonicMs();
  const inbox = createInbox(settings.current.limits.wsFrameBytes);
  const timers = createTimers();
  const left = new AbortController();
  const hurried = new AbortController();
  const { promise: ended, resolve: settle } = deferred<{ cut: boolean }>();

  let phase: Session["phase"] = "waiting";
  let slot: Slot | undefined;
  let options = defaultSessionOptions(settings.current.stream);
  let isBehind = false;
  let lastFrameMs = openedMs;
  let badTexts = 0;
  let emptyFrames = 0;
  let audioBytes = 0;
  let cut = false;
  let closeCode = 1006;
  let lastError: string | undefined;

  // --- to the client

  const send = (message: object): void => {
    if (phase === "closed") return;
    peer.send(JSON.stringify(message));
    checkOutgoing();
  };

  const sendError = (error: WireError): void => {
    lastError = error.wireCode;
    metrics.error(error.wireCode);
    const { error: message, ...rest } = errorBody(error);
    send({ type: "error", message, ...rest });
  };

  const checkOutgoing = (): void => {
    if (phase === "closed" || peer.bufferedBytes <= settings.current.limits.wsOutgoingBytes) return;
    lastError = "policy_violation";
    cut = true;
    close(1008, "the client does not read");
  };

  const close = (code: number, reason: string): void => {
    if (phase === "closed") return;
    peer.close(code, reason);
    leave(code);
  };

  /** Gives everything back. The socket may live a little longer: until the client answers the Close, or the grace is over. */
  const leave = (code: number): void => {
    if (phase === "closed") return;
    phase = "closed";
    closeCode = code;
    timers.clear();
    left.abort(new Error("the session ended"));
    utterances.abort();
    inbox.clear();
    slot?.release();
    flow.resume();
    timers.after(timing.closeGraceMs, () => peer.terminate());
    report();
  };

  const report = (): void => {
    const seconds = (clock.monotonicMs() - openedMs) / 1000;
    metrics.sessionEnd(closeCode, seconds);
    log.info("session_end", {
      request_id: identity.requestId,
      route: identity.route,
      close: closeCode,
      ms: Math.round(seconds * 1000),
      audio_s: Math.round((audioBytes / 2 / options.sampleRateHz) * 1000) / 1000,
      ...(lastError === undefined ? {} : { code: lastError }),
    });
  };

  const flow = createFlow(peer, timing.pausedProbeMs, checkOutgoing);
  const utterances = createUtterances(context, { requestId: identity.requestId, send, sendError });

  // --- time

  const watchIdle = (): void => {
    const { idleTimeoutMs } = settings.current.session;
    // A client that we keep from sending is not idle.
    if (flow.isPaused) lastFrameMs = clock.monotonicMs();
    const leftMs = lastFrameMs + idleTimeoutMs - clock.monotonicMs();
    if (leftMs > 0) return void timers.after(leftMs, watchIdle);
    const error = new WireError("idle_timeout", `no frame came for ${idleTimeoutMs / 1000} s`);
    void finish({ error, code: 1001, reason: "idle timeout", boundMs: timing.finalMs });
  };

  const watchAge = (): void => {
    const { maxDurationMs } = settings.current.session;
    if (maxDurationMs === 0) return;
    timers.after(maxDurationMs, () => {
      const error = new WireError("max_session_duration_exceeded", `a session may last ${maxDurationMs / 1000} s`);
      void finish({ error, code: 1008, reason: "session too long", boundMs: timing.capFinalMs });
    });
  };

  // --- from the client

  const takesFrames = (): boolean => phase === "open" && !isBehind;

  const receive = (frame: Frame): void => {
    if (phase === "ending" || phase === "closed") return;
    lastFrameMs = clock.monotonicMs();
    if (takesFrames() && inbox.isEmpty) return handle(frame);
    inbox.push(frame);
    if (inbox.isFull) flow.pause();
  };

  const pump = (): void => {
    while (takesFrames()) {
      const frame = inbox.shift();
      if (frame === undefined) break;
      handle(frame);
    }
    if (!takesFrames()) return;
    if (flow.isPaused) lastFrameMs = clock.monotonicMs();
    flow.resume();
  };

  /** A throw below is a bug of ours or of the engine's: it ends this session and nothing else. */
  const handle = (frame: Frame): void => {
    try {
      if ("text" in frame) handleText(frame.text);
      else handleAudio(frame.audio);
    } catch (error) {
      log.error("session_failed", { request_id: identity.requestId, err: error });
      const wire = error instanceof WireError ? error : new WireError("inference_error", "the session failed");
      void finish({ error: wire, code: 1011, reason: "internal error", boundMs: timing.finalMs });
    }
  };

  const handleText = (text: string): void => {
    const message = parseClientMessage(text);
    if (message.kind === "stop") {
      void finish({ error: undefined, code: 1000, reason: "", boundMs: timing.finalMs });
    } else if (message.kind === "configure") {
      configure(message.fields);
    } else {
      badTexts++;
      sendError(new WireError("bad_request", 'a text frame must be {"type":"configure",…} or {"type":"stop"}'));
      if (badTexts >= MAX_BAD_TEXTS) violate(`${MAX_BAD_TEXTS} text frames were no known message`);
    }
  };

  const configure = (fields: Readonly<Record<string, unknown>>): void => {
    if (audioBytes > 0) {
      sendError(new WireError("configure_too_late", "configure must come before the first audio frame"));
      return;
    }
    const configured = applyConfigure(fields, options);
    if (configured.unsupported !== undefined) {
      sendError(configured.unsupported);
      close(1008, "unsupported protocol version");
      return;
    }
    options = configured.options;
    for (const error of configured.errors) sendError(error);
  };

  const handleAudio = (bytes: Uint8Array): void => {
    if (bytes.length === 0) {
      emptyFrames++;
      if (emptyFrames >= MAX_EMPTY_FRAMES) violate(`${MAX_EMPTY_FRAMES} frames were empty`);
      return;
    }
    audioBytes += bytes.length;
    utterances.write(bytes, options);
    const { bufferedAudioMs } = settings.current.limits;
    if (utterances.backlogMs >= bufferedAudioMs) void catchUp(bufferedAudioMs / 2);
  };

  /** Nothing is dropped: the client waits until half of the bound is free again. */
  const catchUp = async (untilMs: number): Promise<void> => {
    isBehind = true;
    flow.pause();
    await utterances.waitForBacklogBelow(untilMs).catch(() => {});
    isBehind = false;
    pump();
  };

  const violate = (what: string): void => {
    sendError(new WireError("policy_violation", what));
    close(1008, what);
  };

  // --- life

  const admit = async (): Promise<void> => {
    try {
      const granted = await context.admission.acquire({
        client: identity.client,
        kind: "session",
        signal: left.signal,
      });
      if (left.signal.aborted) return granted.release();
      slot = granted;
    } catch (error) {
      if (!left.signal.aborted) refuse(toWireError(error));
      return;
    }
    phase = "open";
    lastFrameMs = clock.monotonicMs();
    send(readyMessage(engine.model?.id ?? "loading", settings.current.session));
    watchIdle();
    watchAge();
    pump();
  };

  const refuse = (error: WireError): void => {
    sendError(error);
    const isEnd = error.wireCode === "pool_closed" || error.wireCode === "shutting_down";
    close(isEnd ? 1001 : 1013, isEnd ? "shutting down" : "try again later");
  };

  /** Error if any, everything received so far recognised, the last final, Close. */
  const finish = async (how: Ending): Promise<void> => {
    if (phase !== "open") return;
    phase = "ending";
    if (how.error !== undefined) sendError(how.error);
    writeRest();
    flow.resume();
    const isComplete = await utterances.end(how.boundMs, AbortSignal.any([hurried.signal, left.signal]));
    cut ||= !isComplete && !left.signal.aborted;
    close(how.code, how.reason);
  };

  const writeRest = (): void => {
    try {
      for (let frame = inbox.shift(); frame !== undefined; frame = inbox.shift()) {
        if (!("audio" in frame) || frame.audio.length === 0) continue;
        audioBytes += frame.audio.length;
        utterances.write(frame.audio, options);
      }
    } catch (error) {
      log.error("session_failed", { request_id: identity.requestId, err: error });
    }
  };

  void admit();

  return {
    requestId: identity.requestId,
    ended,
    get phase() {
      return phase;
    },
    get isPaused() {
      return flow.isPaused;
    },
    receiveText: (text) => receive({ text }),
    receiveAudio: (audio) => receive({ audio }),
    checkOutgoing,
    fail: leave,
    gone: (code) => {
      leave(code);
      timers.clear();
      flow.close();
      settle({ cut });
    },
    drain: () => void finish({ error: undefined, code: 1001, reason: "shutting down", boundMs: timing.finalMs }),
    hurry: () => hurried.abort(),
    ping: () => peer.ping(),
    terminate: () => {
      cut ||= phase !== "closed";
      peer.terminate();
    },
  };
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
