import { WireError } from "../../../shared/errors.ts";
import { setTimeout } from "../../../shared/time/timers.ts";
import type { UploadMemory, UploadShare } from "./upload-memory.ts";
import { receiveBody } from "./upload.ts";
import type { ReceiveOptions, Reception, UploadSink } from "./upload.ts";

/** Received bytes are copied into blocks that grow to this size: a body of one-byte chunks must not cost an object per byte. */
const BLOCK_BYTES = 64 * 1024;
/** A part of this size that has memory of its own, as Node's HTTP parser gives each part of a body, is kept as it is. */
const KEPT_BYTES = 16 * 1024;

export interface ReadUploadOptions extends Omit<ReceiveOptions, "sink"> {
  readonly memory: UploadMemory;
  readonly client: string;
  /** Longest wait for memory held by other uploads. */
  readonly memoryWaitMs: number;
}

/** The audio of a complete body, in memory. */
export interface Upload {
  readonly bytes: number;
  /** The audio, once; each block's memory is given back after it was read. */
  blocks(): AsyncIterable<Uint8Array>;
  /** Gives the memory back. Harmless twice. */
  release(): void;
}

/** Receives a body into memory, within what all uploads may hold (`timeout` after a bounded wait). */
export async function readUpload({ memory, client, memoryWaitMs, ...options }: ReadUploadOptions): Promise<Upload> {
  const blocks: Uint8Array[] = [];
  let share: UploadShare | undefined;
  /** Bytes used of the last block. */
  let used = 0;
  let bytes = 0;

  const open = (reception: Reception): UploadSink => {
    const { pace } = reception;
    const opened = memory.open(client, {
      get bytesPerS() {
        return pace.bytesPerS;
      },
      get mayGiveWay() {
        return pace.ownMs > options.limits.graceMs;
      },
      giveWay: () => {
        reception.fail(gaveWay());
        release();
      },
    });
    if (opened === undefined) throw tooMany();
    share = opened;

    return (chunk) => {
      bytes += chunk.length;
      const rest = fill(chunk);
      if (rest.length === 0) return undefined;
      if (!opened.tryReserve(blockBytes(rest))) return waitForMemory(opened, reception, rest);
      append(rest);
      return undefined;
    };
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
  const blockBytes = (rest: Uint8Array): number =>
    isKept(rest) ? rest.length : Math.max(rest.length, Math.min(BLOCK_BYTES, bytes - rest.length));

  const append = (rest: Uint8Array): void => {
    used = rest.length;
    if (isKept(rest)) return void blocks.push(rest);
    const block = new Uint8Array(blockBytes(rest));
    block.set(rest);
    blocks.push(block);
  };

  const waitForMemory = async (opened: UploadShare, { over }: Reception, rest: Uint8Array): Promise<void> => {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), memoryWaitMs);
    const isGranted = await opened.reserve(blockBytes(rest), AbortSignal.any([over, stop.signal]));
    clearTimeout(timer);
    if (over.aborted) return;
    if (!isGranted) throw outOfMemory(memoryWaitMs);
    append(rest);
  };

  const release = (): void => {
    blocks.length = 0;
    share?.close();
  };

  try {
    await receiveBody({ ...options, sink: open });
  } catch (error) {
    release();
    throw error;
  }
  share?.settle();
  return {
    bytes,
    async *blocks() {
      for (let index = 0; index < blocks.length; index++) {
        const block = blocks[index]!; // in range
        blocks[index] = new Uint8Array(0);
        yield index === blocks.length - 1 ? block.subarray(0, used) : block;
        share?.give(block.length);
      }
    },
    release,
  };
}

// ---

function isKept(part: Uint8Array): boolean {
  return part.length >= KEPT_BYTES && part.length === part.buffer.byteLength;
}

/** Uploads of one client end within this time, mostly. */
const TOO_MANY_HINT_MS = 5000;

function tooMany(): WireError {
  return new WireError("queue_full", "too many uploads from this address at once; try again after the time given", {
    retryAfterMs: TOO_MANY_HINT_MS,
  });
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
