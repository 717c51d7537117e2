import type { IncomingMessage } from "node:http";
import type { Clock } from "../../../shared/time/clock.ts";
import { WireError } from "../../../shared/errors.ts";
import { ClientGone } from "../replies/errors.ts";
import { createUploadPace } from "./upload-pace.ts";
import type { UploadMemory, UploadShare } from "./upload-memory.ts";
import { setTimeout } from "../../../shared/time/timers.ts";

/** Received bytes are copied into blocks that grow to this size: a body of one-byte chunks must not cost an object per byte. */
const BLOCK_BYTES = 64 * 1024;

export interface UploadLimits {
  readonly bodyBytes: number;
  readonly minUploadKbps: number;
  /** How far an upload may fall behind the minimum rate, at any time; also its longest pause. A fast start earns no more than this. */
  readonly graceMs: number;
  /** Longest wait for memory held by other uploads. */
  readonly memoryWaitMs: number;
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

export interface ReadUploadOptions {
  readonly req: IncomingMessage;
  readonly source: UploadSource;
  readonly limits: UploadLimits;
  readonly memory: UploadMemory;
  readonly client: string;
  readonly clock: Clock;
  /** Aborted when the client is gone or the server must stop; the body is no longer wanted then. */
  readonly signal: AbortSignal;
}

/** The audio of a complete body, in memory. */
export interface Upload {
  readonly bytes: number;
  /** The audio, once; each block's memory is given back after it was read. */
  blocks(): AsyncIterable<Uint8Array>;
  /** Gives the memory back. Harmless twice. */
  release(): void;
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

/**
 * Reads a body into memory while it keeps to the limits: size while reading (`payload_too_large`), minimum rate (`upload_timeout`),
 * memory of all uploads (`timeout` after a bounded wait). The request is left paused on failure; the caller ends the connection.
 */
export function readUpload(options: ReadUploadOptions): Promise<Upload> {
  const { req, source, limits, signal } = options;
  const blocks: Uint8Array[] = [];
  const pace = createUploadPace(options.clock, limits.minUploadKbps, limits.graceMs);
  /** Bytes used of the last block. */
  let used = 0;
  let bytes = 0;
  /** Of the whole body. */
  let received = 0;

  return new Promise((resolve, reject) => {
    const over = new AbortController();
    const share = options.memory.open(options.client, {
      get bytesPerS() {
        return pace.bytesPerS;
      },
      get mayGiveWay() {
        return pace.ownMs > limits.graceMs;
      },
      giveWay: () => finish(gaveWay()),
    });
    if (share === undefined) return reject(tooMany());

    const finish = (error: unknown): void => {
      if (over.signal.aborted) return;
      over.abort();
      clearTimeout(watch);
      req.off("data", onBytes).off("error", onGone).off("close", onClose);
      source.stop();
      signal.removeEventListener("abort", onAbort);
      if (error === undefined) {
        share.settle();
        return resolve(complete(blocks, used, bytes, share));
      }
      blocks.length = 0;
      share.close();
      reject(error);
    };

    const onAbort = (): void => finish(signal.reason);
    const onGone = (): void => finish(new ClientGone());
    // A body that has arrived may still be taken apart.
    const onClose = (): void => {
      if (!req.complete) onGone();
    };
    const onEnd = (): void => finish(bytes === 0 ? emptyBody() : undefined);
    const onBytes = (chunk: Buffer): void => {
      pace.received(chunk.length);
      received += chunk.length;
      if (received > limits.bodyBytes) finish(tooLarge(limits.bodyBytes));
    };
    const onAudio = (chunk: Uint8Array): void => {
      if (over.signal.aborted) return;
      bytes += chunk.length;
      const rest = fill(chunk);
      if (rest.length > 0 && !share.tryReserve(blockBytes(rest))) return void waitForMemory(rest);
      if (rest.length > 0) append(rest);
    };

    /** Copies what fits into the last block; returns the rest. */
    const fill = (chunk: Uint8Array): Uint8Array => {
      const block = blocks.at(-1);
      if (block === undefined) return chunk;
      const part = chunk.subarray(0, block.length - used);
      block.set(part, used);
      used += part.length;
      return chunk.subarray(part.length);
    };

    /** Blocks double from the first byte on: a body of one byte takes one byte. */
    const blockBytes = (rest: Uint8Array): number => Math.max(rest.length, Math.min(BLOCK_BYTES, bytes - rest.length));

    const append = (rest: Uint8Array): void => {
      const block = new Uint8Array(blockBytes(rest));
      block.set(rest);
      blocks.push(block);
      used = rest.length;
    };

    /** The wait is not the client's: its clock stands still. */
    const waitForMemory = async (rest: Uint8Array): Promise<void> => {
      source.pause();
      pace.holdUp(true);
      const stop = new AbortController();
      const timer = setTimeout(() => stop.abort(), limits.memoryWaitMs);
      const isGranted = await share.reserve(blockBytes(rest), AbortSignal.any([over.signal, stop.signal]));
      clearTimeout(timer);
      pace.holdUp(false);
      if (over.signal.aborted) return;
      if (!isGranted) return finish(outOfMemory(limits.memoryWaitMs));
      append(rest);
      source.resume();
    };

    let watch: NodeJS.Timeout | undefined;
    const checkPace = (): void => {
      if (pace.slackMs < 0) return finish(tooSlow(limits));
      watch = setTimeout(checkPace, Math.max(MIN_CHECK_MS, pace.slackMs));
    };
    checkPace();

    if (signal.aborted) return onAbort();
    if (req.destroyed && !req.complete) return onGone();
    signal.addEventListener("abort", onAbort, { once: true });
    req.on("data", onBytes).once("error", onGone).once("close", onClose);
    source.start({ audio: onAudio, end: onEnd, fail: finish });
  });
}

function complete(blocks: Uint8Array[], used: number, bytes: number, share: UploadShare): Upload {
  return {
    bytes,
    async *blocks() {
      for (let index = 0; index < blocks.length; index++) {
        const block = blocks[index]!; // in range
        blocks[index] = new Uint8Array(0);
        yield index === blocks.length - 1 ? block.subarray(0, used) : block;
        share.give(block.length);
      }
    },
    release: () => {
      blocks.length = 0;
      share.close();
    },
  };
}

/** How often an upload at the edge of its minimum rate is looked at. */
const MIN_CHECK_MS = 20;
/** Uploads of one client end within this time, mostly. */
const TOO_MANY_HINT_MS = 5000;

function tooMany(): WireError {
  return new WireError("queue_full", "too many uploads from this address at once; try again after the time given", {
    retryAfterMs: TOO_MANY_HINT_MS,
  });
}

export function emptyBody(): WireError {
  return new WireError("empty_body", "the body is empty; send the audio file's bytes as the body");
}

export function tooLarge(limit: number): WireError {
  return new WireError("payload_too_large", `the body may have at most ${limit} bytes`);
}

function tooSlow(limits: UploadLimits): WireError {
  return new WireError("upload_timeout", `the body arrived slower than ${limits.minUploadKbps} kbit/s`);
}

function gaveWay(): WireError {
  return new WireError(
    "upload_timeout",
    "the server is short of memory and this upload was slow: send it again, faster or smaller",
  );
}

function outOfMemory(waitedMs: number): WireError {
  return new WireError("timeout", `too many uploads are in memory at once; waited ${waitedMs / 1000} s`, {
    retryAfterMs: Math.max(1000, waitedMs / 2),
  });
}
