import { WireError } from "../../../shared/errors.ts";
import type { Slot } from "../../admission/admission.ts";
import type { RuntimeContext } from "../../context.ts";
import { toWireError } from "../../http/errors.ts";
import { readyMessage } from "./configure.ts";
import { createFlow } from "./flow.ts";
import { createFrameReader } from "./frames.ts";
import { SCANT_BYTES, createInbox } from "./inbox.ts";
import type { Frame } from "./inbox.ts";
import { createSessionClocks } from "./clocks.ts";
import type { SessionPeer } from "./peer.ts";
import type { Session } from "./registry.ts";
import { createSender } from "./sender.ts";
import { createTimers } from "../../../shared/timers.ts";
import { createUtterances } from "./utterances.ts";

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

export function createSession(peer: SessionPeer, identity: SessionIdentity, context: RuntimeContext): Session {
  const { clock, timing, settings, metrics, log } = context;
  const openedMs = clock.monotonicMs();
  const inbox = createInbox(settings.current.limits.wsFrameBytes);
  const timers = createTimers();
  const left = new AbortController();
  const hurried = new AbortController();
  const { promise: ended, resolve: settle } = deferred<{ cut: boolean }>();

  let phase: Session["phase"] = "waiting";
  let slot: Slot | undefined;
  let isBehind = false;
  let cut = false;
  let scantTimer: NodeJS.Timeout | undefined;

  const sender = createSender(peer, context, () => {
    cut = true;
    close(1008, "the client does not read");
  });
  const flow = createFlow(peer, timing.pausedProbeMs, sender.check);
  const utterances = createUtterances(context, {
    requestId: identity.requestId,
    send: sender.send,
    sendError: sender.sendError,
    refusal: () => slot?.speak(),
  });
  const frames = createFrameReader({
    stream: settings.current.stream,
    clock,
    utterances,
    sendError: sender.sendError,
    onStop: () => void finish({ error: undefined, code: 1000, reason: "", boundMs: timing.finalMs }),
    onViolation: (reason) => close(1008, reason),
    onAudio: () => {
      if (utterances.backlogMs >= settings.current.limits.bufferedAudioMs) void catchUp();
    },
  });
  const clocks = createSessionClocks({
    clock,
    settings,
    timers,
    isHeld: () => flow.isPaused,
    onIdle: (error) => void finish({ error, code: 1001, reason: "idle timeout", boundMs: timing.finalMs }),
    onCap: (error) => void finish({ error, code: 1008, reason: "session too long", boundMs: timing.capFinalMs }),
  });

  // --- frames

  const takesFrames = (): boolean => phase === "open" && !isBehind;

  const receive = (frame: Frame): void => {
    if (phase === "ending" || phase === "closed") return;
    clocks.touch();
    const isScant = "audio" in frame && frame.audio.length < SCANT_BYTES;
    if (takesFrames() && inbox.isEmpty && !isScant) return handle(frame);
    inbox.push(frame);
    if (!takesFrames()) {
      if (inbox.isFull) flow.pause();
    } else if (!inbox.isScant) pump();
    else scantTimer ??= timers.after(SCANT_MS, pump);
  };

  /** Reads what waited; the client may send again when nothing waits any more. */
  const pump = (): void => {
    scantTimer = undefined;
    while (takesFrames()) {
      const frame = inbox.shift();
      if (frame === undefined) break;
      handle(frame);
    }
    if (takesFrames()) flow.resume();
  };

  /** A throw below is a bug of ours or of the engine's: it ends this session and nothing else. */
  const handle = (frame: Frame): void => {
    try {
      frames.read(frame);
    } catch (error) {
      if (error instanceof WireError && error.wireCode === "timeout") return refuse(error);
      log.error("session_failed", { request_id: identity.requestId, err: error });
      const wire = error instanceof WireError ? error : new WireError("inference_error", "the session failed");
      void finish({ error: wire, code: 1011, reason: "internal error", boundMs: timing.finalMs });
    }
  };

  /** Nothing is dropped: the client waits until half of the bound is free again. */
  const catchUp = async (): Promise<void> => {
    isBehind = true;
    flow.pause();
    await utterances.waitForBacklogBelow(settings.current.limits.bufferedAudioMs / 2).catch(() => {});
    isBehind = false;
    // The client could not send.
    clocks.touch();
    pump();
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
    sender.send(readyMessage(context.engine.model?.id ?? "loading", settings.current.session));
    clocks.start();
    pump();
  };

  const refuse = (error: WireError): void => {
    sender.sendError(error);
    const isEnd = error.wireCode === "pool_closed" || error.wireCode === "shutting_down";
    close(isEnd ? 1001 : 1013, isEnd ? "shutting down" : "try again later");
  };

  /** Error if any, everything received so far recognised, the last final, Close. */
  const finish = async (how: Ending): Promise<void> => {
    if (phase !== "open") return;
    phase = "ending";
    if (how.error !== undefined) sender.sendError(how.error);
    readRest();
    flow.resume();
    const isComplete = await utterances.end(how.boundMs, AbortSignal.any([hurried.signal, left.signal]));
    cut ||= !isComplete && !left.signal.aborted;
    close(how.code, how.reason);
  };

  const readRest = (): void => {
    try {
      for (let frame = inbox.shift(); frame !== undefined; frame = inbox.shift()) frames.readLate(frame);
    } catch (error) {
      log.error("session_failed", { request_id: identity.requestId, err: error });
    }
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
    sender.close();
    timers.clear();
    left.abort(new Error("the session ended"));
    utterances.abort();
    inbox.clear();
    slot?.release();
    flow.resume();
    timers.after(timing.closeGraceMs, () => peer.terminate());
    report(code);
  };

  const report = (code: number): void => {
    const seconds = (clock.monotonicMs() - openedMs) / 1000;
    metrics.sessionEnd(code, seconds);
    log.info("session_end", {
      request_id: identity.requestId,
      route: identity.route,
      close: code,
      ms: Math.round(seconds * 1000),
      audio_s: Math.round(frames.audioS * 1000) / 1000,
      ...(sender.lastError === undefined ? {} : { code: sender.lastError }),
    });
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
    receiveAudio: (audio) => {
      if (audio.length > 0) return receive({ audio });
      clocks.touch();
      if (phase !== "ending" && phase !== "closed") frames.countEmpty();
    },
    receiveControl: () => {
      if (phase === "closed") return;
      frames.countControl();
      // The library answered a ping with a pong: a client that pings and never reads would fill the memory.
      sender.check();
    },
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

/** How long audio that is too short for a message of its own waits for more. */
const SCANT_MS = 20;

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
