import { AsyncLocalStorage } from "node:async_hooks";
import type { Socket } from "node:net";
import { createTurns } from "../../../shared/time/turns.ts";
import type { Turns } from "../../../shared/time/turns.ts";
import type { ClientShare } from "./client-share.ts";

/** How the bytes of all connections reach Node's HTTP parser. */
export interface ReadTurns {
  /** Portions of clients within their readTime. */
  readonly ahead: Turns;
  /** Portions of clients that used more: all of them together take a quarter of the thread. */
  readonly behind: Turns;
}

const BUDGET_MS = 4;
const REST_MS = 12;
/** Portions grow and shrink towards this time: 64 KiB of an audio file take less, 10 000 chunks of one byte in 64 KiB take 50 ms. */
const PORTION_MS = 0.5;
const SMALLEST_BYTES = 512;
const LARGEST_BYTES = 64 * 1024;

export function createReadTurns(): ReadTurns {
  return { ahead: createTurns(BUDGET_MS), behind: createTurns(BUDGET_MS, undefined, REST_MS) };
}

/** The reading side of one socket. */
export interface ReadMeter {
  /** Gives the socket its own methods back, and what is held. */
  release(): void;
  /** From now on what the socket reads is thrown away. Calls `onEnd` when the client has closed its sending side, or has already. */
  discard(onEnd: () => void): void;
}

/**
 * Passes what a socket reads on in small portions, in turn with other connections; nothing more is read from the network until they are through.
 * Replaces the two methods of the stream that carry bytes from the handle to its listeners: a stream around the socket would
 * hide its address, time limits and half-close from Node's HTTP server.
 *
 * @param share what all connections of the client share
 * @param onOwing called after each portion that was read while the client owed thread time
 */
export function meterReads(
  socket: Socket,
  turns: ReadTurns,
  { readTime, waiting }: ClientShare,
  onOwing: (bytes: number, tookMs: number) => void = () => {},
): ReadMeter {
  const push = socket.push.bind(socket);
  const read = socket._read.bind(socket);
  /** Turns of many clients run in one go: a bug in this one's bytes must be known as its own. */
  const inOwnScope = AsyncLocalStorage.snapshot();
  const held: Buffer[] = [];
  let portionBytes = SMALLEST_BYTES;
  /** Node asks each new socket to read before it tells of it. */
  let isWanted = true;
  let isAsked = false;
  let hasEnded = false;
  let isDiscarding = false;
  /** A new connection of a client that used its allowance, often a health check, does not wait behind that client's others. */
  let isFirst = true;

  const isPaused = (): boolean => socket.readableFlowing === false && socket.listenerCount("readable") === 0;

  const serve = (): void => {
    const [first] = held;
    if (first === undefined || !isWanted || socket.destroyed || isPaused()) return;
    const portion = first.subarray(0, portionBytes);
    if (portion.length === first.length) held.shift();
    else held[0] = first.subarray(portionBytes);
    isWanted = false;
    isFirst = false;
    const startMs = performance.now();
    const takesMore = push(portion);
    const tookMs = performance.now() - startMs;
    isWanted ||= takesMore;
    readTime.spend(tookMs);
    if (readTime.owedMs > 0) onOwing(portion.length, tookMs);
    if (tookMs > PORTION_MS)
      portionBytes = Math.max(SMALLEST_BYTES, Math.floor((portion.length * PORTION_MS) / tookMs));
    else if (tookMs < PORTION_MS / 2) portionBytes = Math.min(LARGEST_BYTES, portionBytes * 2);
    goOn();
  };

  const goOn = (): void => {
    if (held.length === 0 && hasEnded) return void push(null);
    if (held.length === 0 || !isWanted || isAsked || socket.destroyed) return;
    isAsked = true;
    if (mustWait()) waiting.onRoom(ask);
    else ask();
  };
  const ask = (): void =>
    (readTime.owedMs > 0 && !isFirst ? turns.behind : turns.ahead).ask(() => {
      isAsked = false;
      inOwnScope(mustWait() ? goOn : serve);
    });
  const mustWait = (): boolean => waiting.isFull && !isFirst;

  socket._read = (size) => {
    isWanted = true;
    if (held.length === 0 && !hasEnded) read(size);
    else goOn();
  };
  socket.push = (chunk: Buffer | null) => {
    if (chunk === null) hasEnded = true;
    else held.push(chunk);
    // The first portion of a client that used little need not wait.
    if (chunk !== null && held.length === 1 && !isAsked && readTime.owedMs === 0 && !mustWait()) serve();
    else goOn();
    return isDiscarding || (held.length === 0 && isWanted);
  };
  socket.on("resume", goOn);
  return {
    release: () => {
      Reflect.deleteProperty(socket, "push");
      Reflect.deleteProperty(socket, "_read");
      socket.off("resume", goOn);
      for (const chunk of held.splice(0)) push(chunk);
      if (hasEnded) push(null);
    },
    discard: (onEnd) => {
      if (hasEnded || socket.readableEnded) return onEnd();
      isDiscarding = true;
      held.length = 0;
      socket.push = (chunk: Buffer | null) => {
        if (chunk === null) onEnd();
        // The handle reads on.
        return true;
      };
      socket._read = () => {};
      // The handle stands still when the last bytes had no reader.
      read(0);
    },
  };
}

/** Lets Node's HTTP server read through the stream: else its parser takes the bytes from the handle itself, whole reads at once. */
export function readThroughStream(socket: Socket): void {
  socket.on("data", ignore).off("data", ignore);
}

function ignore(): void {}
