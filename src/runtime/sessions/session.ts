import { WireError } from "../../shared/errors.ts";
import type { KeyUse } from "../access/keys.ts";
import type { RuntimeContext } from "../context.ts";
import { createConduct } from "./conduct.ts";
import { createFlow } from "./flow.ts";
import type { Dialect, SessionOptions } from "./dialect.ts";
import { SCANT_BYTES, createInbox } from "./inbox.ts";
import type { Frame } from "./inbox.ts";
import { createSessionClocks } from "./clocks.ts";
import type { SessionPeer } from "./peer.ts";
import type { Session } from "./registry.ts";
import { createSeat } from "./seat.ts";
import { createSender } from "./sender.ts";
import { isInitializing, MODEL_LOOK_MS } from "../lifecycle/readiness.ts";
import { createTimers } from "../../shared/time/timers.ts";
import { recordSession } from "./record.ts";
import { withError } from "../tracing/trace.ts";
import { traceWindow } from "../tracing/window-step.ts";
import { createUtterances } from "./utterances.ts";

export interface SessionIdentity {
  readonly requestId: string;
  readonly route: string;
  /** Key of the client's address. */
  readonly client: string;
  /** The API key it was accepted for. */
  readonly use?: KeyUse | undefined;
}

interface Ending {
  readonly error: WireError | undefined;
  readonly code: number;
  readonly reason: string;
  /** Longest wait for the engine's last final. */
  readonly boundMs: number;
  /** What waits unread is dropped, not recognised. */
  readonly dropsRest?: boolean;
}

export function createSession(
  peer: SessionPeer,
  identity: SessionIdentity,
  dialect: Dialect,
  context: RuntimeContext,
): Session {
  const { clock, timing, settings, metrics, log } = context;
  const openedMs = clock.monotonicMs();
  const inbox = createInbox(settings.current.limits.wsFrameBytes);
  const timers = createTimers();
  const left = new AbortController();
  const hurried = new AbortController();
  const { promise: ended, resolve: settle } = deferred<{ cut: boolean }>();

  let phase: Session["phase"] = "open";
  let isCatchingUp = false;
  let endingUtterance: Promise<void> | undefined;
  /** Audio that waits for the model; frames behind it wait too. */
  let unread: { readonly pcm: Uint8Array; readonly options: SessionOptions } | undefined;
  let cut = false;
  let countedS = 0;
  let scantTimer: NodeJS.Timeout | undefined;

  const sender = createSender(peer, dialect, context, timers, () => {
    cut = true;
    close(1008, "the client does not read");
  });
  const record = recordSession(context, identity);
  const trace = context.tracing.begin({
    name: `session ${identity.route}`,
    kind: "server",
    startMs: openedMs,
    attributes: { "http.route": identity.route, "gigastt.request_id": identity.requestId },
  });
  const flow = createFlow(peer, timing.pausedProbeMs, sender.check);
  const utterances = createUtterances(context, {
    requestId: identity.requestId,
    onWindow: trace && ((window) => traceWindow(trace, clock.monotonicMs(), window)),
    onHeard: (heard) => {
      record?.heard(heard.hypothesis);
      sender.send(...dialect.heard(heard));
    },
    onMissed: (error) => sender.sendError(error, dialect.missed?.(error)),
    onUtterance: (event) => sender.send(...(dialect.utterance?.(event) ?? [])),
    onSpeech: () => {
      if (phase === "open") seat.heard();
    },
  });
  const seat = createSeat(context, {
    client: identity.client,
    timers,
    signal: left.signal,
    blockedBy: utterances.blockedBy,
    onWaited: (sinceMs) => trace?.step("queue", sinceMs, clock.monotonicMs()),
    onGranted: () => {
      // More may be ahead of recognition with a slot than without.
      if (!isBehind()) isCatchingUp = false;
      clocks.touch();
      pump();
    },
    onRefused: (error) => refuse(error),
  });
  const frames = dialect.createReader({
    write: (pcm, options) => write(pcm, options),
    drop: () => {
      utterances.drop();
      record?.continueAt(frames.audioS);
    },
    send: sender.send,
    sendError: sender.sendError,
    endUtterance: () => {
      if (phase === "open") endingUtterance ??= endUtterance();
      return endingUtterance ?? Promise.resolve();
    },
    stop: () => void finish({ error: undefined, code: 1000, reason: "", boundMs: timing.finalMs }),
    fail: (error) => void finish({ error, code: 1008, reason: error.wireCode, boundMs: timing.finalMs }),
    countEmpty: () => conduct.countEmpty(),
    violate: (reason) => close(1008, reason),
  });
  const conduct = createConduct(clock, (what) => {
    sender.sendError(new WireError("policy_violation", what));
    close(1008, what);
  });
  const clocks = createSessionClocks({
    clock,
    settings,
    timers,
    idleTimeoutMs: () => dialect.idleTimeoutMs?.() ?? settings.current.session.idleTimeoutMs,
    isHeld: () => flow.isPaused || seat.isWaiting || unread !== undefined,
    onIdle: (error) => void finish({ error, code: 1001, reason: "idle timeout", boundMs: timing.finalMs }),
    onCap: (error) => void finish({ error, code: 1008, reason: "session too long", boundMs: timing.capFinalMs }),
  });

  // --- frames

  const takesFrames = (): boolean =>
    phase === "open" && !isCatchingUp && endingUtterance === undefined && unread === undefined && !seat.isWaiting;

  /** Audio that may be ahead of recognition. Without a slot only enough to hear that speech begins. */
  const mostBacklogMs = (): number => (seat.isHeld ? settings.current.limits.bufferedAudioMs : UNHEARD_MS);
  const isBehind = (): boolean => utterances.backlogMs >= mostBacklogMs();

  const write = (pcm: Uint8Array, options: SessionOptions): void => {
    try {
      utterances.write(pcm, options);
    } catch (error) {
      if (phase !== "open" || !isLoading(error, context)) throw error;
      unread = { pcm: new Uint8Array(pcm), options };
      timers.after(MODEL_LOOK_MS, awaitModel);
    }
    if (phase === "open" && !isCatchingUp && isBehind()) void catchUp();
  };

  const awaitModel = (): void => {
    if (context.engine.state === "loading") return void timers.after(MODEL_LOOK_MS, awaitModel);
    const waited = unread;
    unread = undefined;
    clocks.touch();
    guard(() => waited !== undefined && write(waited.pcm, waited.options));
    pump();
  };

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

  const handle = (frame: Frame): void => {
    guard(() => frames.read(frame));
    countAudio();
  };

  const countAudio = (): void => {
    identity.use?.count((frames.audioS - countedS) * 1000);
    countedS = Math.max(countedS, frames.audioS);
  };

  /** A throw is a bug here or in the engine: it ends this session and nothing else. */
  const guard = (action: () => void): void => {
    try {
      action();
    } catch (error) {
      log.error("session_failed", { request_id: identity.requestId, err: error });
      const wire = error instanceof WireError ? error : new WireError("inference_error", "the session failed");
      void finish({ error: wire, code: 1011, reason: "internal error", boundMs: timing.finalMs });
    }
  };

  /** Nothing is dropped: the client waits until half of the bound is free again. */
  const catchUp = async (): Promise<void> => {
    isCatchingUp = true;
    flow.pause();
    await utterances.waitForBacklogBelow(mostBacklogMs() / 2).catch(() => {});
    isCatchingUp = false;
    // The client could not send.
    clocks.touch();
    pump();
  };

  const endUtterance = async (): Promise<void> => {
    const isComplete = await utterances.end(timing.finalMs, AbortSignal.any([hurried.signal, left.signal]), false);
    endingUtterance = undefined;
    record?.continueAt(frames.audioS);
    if (phase !== "open") return;
    cut ||= !isComplete;
    seat.release();
    clocks.touch();
    pump();
  };

  // --- life

  const refuse = (error: WireError): void => {
    const isEnd = error.wireCode === "pool_closed" || error.wireCode === "shutting_down";
    const [code, reason] = isEnd ? [1001, "shutting down"] : [1013, "try again later"];
    // A session that was served before gets what was recognised; a newcomer begins again elsewhere or later.
    if (seat.wasHeld) return void finish({ error, code, reason, boundMs: timing.capFinalMs, dropsRest: !isEnd });
    sender.sendError(error);
    close(code, reason);
  };

  /** Error if any, everything received so far recognised, the last final, Close. */
  const finish = async (how: Ending): Promise<void> => {
    if (phase !== "open") return;
    phase = "ending";
    if (how.error !== undefined) sender.sendError(how.error);
    // What waits belongs to the next utterance.
    if (endingUtterance !== undefined) await endingUtterance;
    if (left.signal.aborted) return;
    const isShort = unread !== undefined || (how.dropsRest === true && !inbox.isEmpty);
    unread = undefined;
    if (isShort) inbox.clear();
    else readRest();
    flow.resume();
    const isComplete = await utterances.end(how.boundMs, AbortSignal.any([hurried.signal, left.signal]), isShort);
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
    countAudio();
    identity.use?.release();
    sender.close();
    timers.clear();
    left.abort(new Error("the session ended"));
    utterances.abort();
    inbox.clear();
    unread = undefined;
    seat.release();
    record?.finish(frames.audioS);
    flow.resume();
    timers.after(timing.closeGraceMs, () => peer.terminate());
    report(code);
  };

  const report = (code: number): void => {
    const seconds = (clock.monotonicMs() - openedMs) / 1000;
    metrics.sessionEnd(code, seconds);
    const attributes = { "gigastt.audio_s": frames.audioS, "gigastt.close_code": code };
    trace?.end(clock.monotonicMs(), withError(attributes, sender.lastError), { isFailed: code === 1011 });
    log.info("session_end", {
      request_id: identity.requestId,
      ...(trace === undefined ? {} : { trace_id: trace.id }),
      route: identity.route,
      ...(identity.use === undefined ? {} : { key: identity.use.key }),
      close: code,
      ms: Math.round(seconds * 1000),
      audio_s: Math.round(frames.audioS * 1000) / 1000,
      ...(sender.lastError === undefined ? {} : { code: sender.lastError }),
    });
  };

  sender.send(...dialect.greet());
  identity.use?.onEnd(
    (error) => void finish({ error, code: 1008, reason: error.wireCode, boundMs: timing.capFinalMs, dropsRest: true }),
  );
  clocks.start();

  return {
    requestId: identity.requestId,
    client: identity.client,
    get stays() {
      return seat.isHeld || seat.isWaiting;
    },
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
      if (phase !== "ending" && phase !== "closed") conduct.countEmpty();
    },
    receiveControl: () => {
      if (phase === "closed") return;
      conduct.countControl();
      // The library answered a ping with a pong: a client that pings and never reads would fill the memory.
      sender.check();
    },
    refuse,
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

/**
 * Twice what the engine needs: it hears speech as it begins, and reports what it has read in steps of half a second.
 */
const UNHEARD_MS = 2000;
/** How long audio that is too short for a message of its own waits for more. */
const SCANT_MS = 20;

/** The engine says `initializing` also when the model could not be loaded; then waiting is of no use. */
function isLoading(error: unknown, { engine }: RuntimeContext): boolean {
  return isInitializing(error) && engine.state === "loading";
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
