import type { IncomingMessage } from "node:http";
import type { Clock } from "../../shared/clock.ts";
import { WireError } from "../../shared/errors.ts";
import { ClientGone } from "./errors.ts";
import { createUploadPace } from "./upload-pace.ts";
import type { UploadMemory, UploadShare } from "./upload-memory.ts";
import { setInterval, setTimeout } from "../../shared/timers.ts";

/** Received bytes are copied into blocks of this size: a body of one-byte chunks must not cost an object per byte. */
const BLOCK_BYTES = 64 * 1024;

export interface UploadLimits {
  readonly bodyBytes: number;
  readonly minUploadKbps: number;
  /** How far an upload may fall behind the minimum rate, at any time; also its longest pause. A fast start earns no more than this. */
  readonly graceMs: number;
  /** Longest wait for memory held by other uploads. */
  readonly memoryWaitMs: number;
}

export interface ReadUploadOptions {
  readonly req: IncomingMessage;
  readonly limits: UploadLimits;
  readonly memory: UploadMemory;
  readonly client: string;
  readonly clock: Clock;
  /** Aborted when the client is gone or the server must stop; the body is no longer wanted then. */
  readonly signal: AbortSignal;
}

/** A complete body in memory. */
export interface Upload {
  readonly bytes: number;
  /** The body, once; each block's memory is given back after it was read. */
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
  const { req, limits, signal } = options;
  const blocks: Uint8Array[] = [];
  const pace = createUploadPace(options.clock, limits.minUploadKbps, limits.graceMs);
  let used = BLOCK_BYTES;
  let bytes = 0;

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

    const finish = (error: unknown): void => {
      if (over.signal.aborted) return;
      over.abort();
      clearInterval(watch);
      req.off("data", onData).off("end", onEnd).off("error", onGone).off("close", onGone);
      signal.removeEventListener("abort", onAbort);
      req.pause();
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
    const onEnd = (): void => finish(bytes === 0 ? emptyBody() : undefined);
    const onData = (chunk: Buffer): void => {
      pace.received(chunk.length);
      bytes += chunk.length;
      if (bytes > limits.bodyBytes) return finish(tooLarge(limits.bodyBytes));
      if (!store(chunk)) void waitForMemory(chunk);
    };

    /** Copies the chunk into blocks; false when memory ran out (nothing of it was copied then). */
    const store = (chunk: Buffer): boolean => {
      const missing = Math.ceil(Math.max(0, chunk.length - (BLOCK_BYTES - used)) / BLOCK_BYTES);
      if (missing > 0 && !share.tryReserve(missing * BLOCK_BYTES)) return false;
      for (let offset = 0; offset < chunk.length;) {
        if (used === BLOCK_BYTES) {
          blocks.push(new Uint8Array(BLOCK_BYTES));
          used = 0;
        }
        const part = chunk.subarray(offset, offset + BLOCK_BYTES - used);
        blocks.at(-1)!.set(part, used); // a block was just made
        used += part.length;
        offset += part.length;
      }
      return true;
    };

    /** The wait is our fault, not the client's: its clock stands still meanwhile. */
    const waitForMemory = async (chunk: Buffer): Promise<void> => {
      req.pause();
      pace.holdUp(true);
      const stop = new AbortController();
      const timer = setTimeout(() => stop.abort(), limits.memoryWaitMs);
      const either = AbortSignal.any([over.signal, stop.signal]);
      while (!either.aborted && !store(chunk)) await share.whenFree(either);
      clearTimeout(timer);
      pace.holdUp(false);
      if (over.signal.aborted) return;
      if (stop.signal.aborted) finish(outOfMemory(limits.memoryWaitMs));
      else req.resume();
    };

    const checkPace = (): void => {
      if (pace.isTooSlow) finish(tooSlow(limits));
    };
    const watch = setInterval(checkPace, Math.min(1000, limits.graceMs / 4));

    if (signal.aborted) return onAbort();
    if (req.destroyed && !req.complete) return onGone();
    signal.addEventListener("abort", onAbort, { once: true });
    req.on("data", onData).once("end", onEnd).once("error", onGone).once("close", onGone);
    req.resume();
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
        share.give(BLOCK_BYTES);
      }
    },
    release: () => {
      blocks.length = 0;
      share.close();
    },
  };
}

function emptyBody(): WireError {
  return new WireError("empty_body", "the body is empty; send the audio file's bytes as the body");
}

function tooLarge(limit: number): WireError {
  return new WireError("payload_too_large", `the body may have at most ${limit} bytes`);
}

function tooSlow(limits: UploadLimits): WireError {
  return new WireError("upload_timeout", `the body came slower than ${limits.minUploadKbps} kbit/s`);
}

function gaveWay(): WireError {
  return new WireError("upload_timeout", "memory is short and this body came slowly; send it again, faster or smaller");
}

function outOfMemory(waitedMs: number): WireError {
  return new WireError("timeout", `too many uploads are in memory at once; waited ${waitedMs / 1000} s`, {
    retryAfterMs: Math.max(1000, waitedMs / 2),
  });
}
