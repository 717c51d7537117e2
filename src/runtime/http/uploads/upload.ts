import type { IncomingMessage } from "node:http";
import type { Clock } from "../../../shared/time/clock.ts";
import { WireError } from "../../../shared/errors.ts";
import type { RuntimeContext } from "../../context.ts";
import { ClientGone } from "../replies/errors.ts";
import { createUploadPace } from "./upload-pace.ts";
import type { UploadPace } from "./upload-pace.ts";
import { setTimeout } from "../../../shared/time/timers.ts";

/** What every body keeps to, wherever it goes. */
export interface UploadLimits {
  readonly bodyBytes: number;
  readonly minUploadKbps: number;
  /** How far an upload may fall behind the minimum rate, at any time; also its longest pause. A fast start earns no more than this. */
  readonly graceMs: number;
}

/** Finds the audio in a body. */
export interface UploadSource {
  /** Begins to read: each piece of audio, then `end` or `fail`. */
  start(to: UploadTarget): void;
  pause(): void;
  resume(): void;
  /** Ends the reading; the request stays paused. Nothing is called any more. */
  stop(): void;
}

export interface UploadTarget {
  audio(bytes: Uint8Array): void;
  end(): void;
  fail(error: unknown): void;
}

/** Returns the configured limits of an upload. */
export function uploadLimits(
  { settings, timing }: Pick<RuntimeContext, "settings" | "timing">,
  bodyBytes: number = settings.current.limits.bodyBytes,
): UploadLimits {
  return { bodyBytes, minUploadKbps: settings.current.limits.minUploadKbps, graceMs: timing.uploadGraceMs };
}

/** The whole body is the audio. */
export function rawBody(req: IncomingMessage): UploadSource {
  let stop = (): void => {};
  return {
    start: ({ audio, end }) => {
      req.on("data", audio).once("end", end);
      stop = () => req.off("data", audio).off("end", end).pause();
    },
    pause: () => req.pause(),
    resume: () => req.resume(),
    stop: () => stop(),
  };
}

/**
 * Refuses by what the headers say, before a byte is read: `payload_too_large` by the declared length, `empty_body` by a length of 0.
 */
export function refuseByHeaders(req: IncomingMessage, limits: Pick<UploadLimits, "bodyBytes">): void {
  const declared = req.headers["content-length"];
  const chunked = req.headers["transfer-encoding"] !== undefined;
  if (declared === undefined ? !chunked : Number(declared) === 0) throw emptyBody();
  if (declared !== undefined && Number(declared) > limits.bodyBytes) throw tooLarge(limits.bodyBytes);
}

export interface ReceiveOptions {
  readonly req: IncomingMessage;
  readonly source: UploadSource;
  readonly limits: UploadLimits;
  readonly clock: Clock;
  /** Aborted when the client is gone or the server must stop; the body is no longer wanted then. */
  readonly signal: AbortSignal;
  /** Opens what the audio goes to. */
  readonly sink: (reception: Reception) => UploadSink;
}

/** A body that is being received, as its sink sees it. */
export interface Reception {
  readonly pace: Pick<UploadPace, "bytesPerS" | "ownMs">;
  /** Aborted when the reception is over, well or badly. */
  readonly over: AbortSignal;
  /** Ends the reception. */
  fail(error: unknown): void;
}

/** Takes audio, piece by piece. While a promise is pending the client is not read from, and that time is not the client's. */
export type UploadSink = (bytes: Uint8Array) => Promise<void> | undefined;

/**
 * Receives a body within the limits: size while reading (`payload_too_large`), minimum rate (`upload_timeout`), the client's presence. Resolves
 * with the number of audio bytes once the sink has taken them all. On failure the request is left paused, and nothing is given to the sink any
 * more; the caller ends the connection.
 */
export function receiveBody({ req, source, limits, clock, signal, sink }: ReceiveOptions): Promise<number> {
  const pace = createUploadPace(clock, limits.minUploadKbps, limits.graceMs);
  const over = new AbortController();
  /** Of the audio. */
  let bytes = 0;
  /** Of the whole body. */
  let received = 0;
  let hasEnded = false;
  /** The last piece that the sink has not taken yet. */
  let pending: Promise<void> | undefined;

  return new Promise((resolve, reject) => {
    const finish = (fault: unknown): void => {
      if (over.signal.aborted) return;
      over.abort();
      clearTimeout(watch);
      req.off("data", onBytes).off("error", onGone).off("close", onClose);
      source.stop();
      signal.removeEventListener("abort", onAbort);
      if (fault === undefined) resolve(bytes);
      // What the sink still writes must not come after its caller has cleaned up.
      else if (pending === undefined) reject(fault);
      else void pending.finally(() => reject(fault));
    };

    const onAbort = (): void => finish(signal.reason);
    const onGone = (): void => finish(new ClientGone());
    // A body that has arrived may still be taken apart.
    const onClose = (): void => {
      if (!req.complete) onGone();
    };
    // A stream may end while it is paused, with its last piece in the hands of the sink.
    const onEnd = (): void => {
      hasEnded = true;
      if (pending === undefined) finish(bytes === 0 ? emptyBody() : undefined);
    };
    const onBytes = (chunk: Buffer): void => {
      pace.received(chunk.length);
      received += chunk.length;
      if (received > limits.bodyBytes) finish(tooLarge(limits.bodyBytes));
    };
    const onAudio = (chunk: Uint8Array): void => {
      if (over.signal.aborted) return;
      bytes += chunk.length;
      const taken =
        pending === undefined ? take(chunk) : pending.then(() => (over.signal.aborted ? undefined : take(chunk)));
      if (taken === undefined) return;
      source.pause();
      pace.holdUp(true);
      const turn = taken.catch(finish).then(() => {
        if (pending !== turn) return;
        pending = undefined;
        if (over.signal.aborted) return;
        pace.holdUp(false);
        if (hasEnded) finish(undefined);
        else source.resume();
      });
      pending = turn;
    };

    let watch: NodeJS.Timeout | undefined;
    const checkPace = (): void => {
      if (pace.slackMs < 0) return finish(tooSlow(limits));
      watch = setTimeout(checkPace, Math.max(MIN_CHECK_MS, pace.slackMs));
    };

    const take = sink({ pace, over: over.signal, fail: finish });
    checkPace();
    if (signal.aborted) return onAbort();
    if (req.destroyed && !req.complete) return onGone();
    signal.addEventListener("abort", onAbort, { once: true });
    req.on("data", onBytes).once("error", onGone).once("close", onClose);
    source.start({ audio: onAudio, end: onEnd, fail: finish });
  });
}

// ---

/** How often an upload at the edge of its minimum rate is looked at. */
const MIN_CHECK_MS = 20;

function emptyBody(): WireError {
  return new WireError("empty_body", "the body is empty; send the audio file's bytes as the body");
}

function tooLarge(limit: number): WireError {
  return new WireError("payload_too_large", `the body may have at most ${limit} bytes`);
}

function tooSlow(limits: UploadLimits): WireError {
  return new WireError("upload_timeout", `the body arrived slower than ${limits.minUploadKbps} kbit/s`);
}
