import { AsyncLocalStorage } from "node:async_hooks";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Clock } from "../../shared/time/clock.ts";
import { setTimeout } from "../../shared/time/timers.ts";
import type { Turns } from "../../shared/time/turns.ts";
import { createAllowance } from "../../shared/time/allowance.ts";
import { createFrameScan } from "./frame-scan.ts";

/** Frames a client may send in a second for long, and at once after a quiet time. Live audio in frames of 10 ms is 100 a second. */
export const FRAMES_PER_S = 250;
export const FRAMES_AT_ONCE = 20_000;
/** Live audio at 48 kHz is 96 KB a second. */
const BYTES_PER_S = 2 ** 20;
const BYTES_AT_ONCE = 4 * 2 ** 20;
/** A TCP read of 64 KiB holds up to 10 000 frames, and the WebSocket library reads all of them in one go: it is given so many at a time. */
const PORTION_FRAMES = 64;
/** A socket that is not read does not show that its client is gone, only writing does: the first ping brings a reset, the next one fails. */
const PROBE_MS = 500;
/** Turns can take long too when many clients ask for them: a client that sent this much since the last ping is asked again. */
const PROBE_BYTES = 2 ** 18;
const PING = Buffer.from([0x89, 0]);

/**
 * An upgraded socket whose client cannot keep the thread busy: its frames reach the WebSocket library in small portions, in turn with those
 * of other clients, and not faster than the allowance. Until they have, nothing more is read from the network, so TCP makes the client wait.
 *
 * @param head what the HTTP parser had read after the upgrade request
 */
export function meterSocket(socket: Duplex, head: Buffer, turns: Turns, clock: Clock): Duplex {
  const scan = createFrameScan();
  /** Turns of many clients run in one go: a bug in this one's frames must be known as its own. */
  const inOwnScope = AsyncLocalStorage.snapshot();
  const frameAllowance = createAllowance(clock, FRAMES_PER_S, FRAMES_AT_ONCE);
  const byteAllowance = createAllowance(clock, BYTES_PER_S, BYTES_AT_ONCE);
  let chunk = head.length > 0 ? head : undefined;
  let at = 0;
  let isWanted = false;
  let isAsked = false;
  // The client of an upgrade that waited for earlier answers may have left before: its end is not told again.
  let hasEnded = socket.readableEnded;
  let timer: NodeJS.Timeout | undefined;
  let probedMs = clock.monotonicMs();
  let bytesSinceProbe = 0;

  const serve = (): void => {
    isAsked = false;
    if (chunk === undefined || !isWanted || metered.destroyed) return;
    const { to, frames } = scan.walk(chunk, at, PORTION_FRAMES);
    // One for the read itself: a client may also send its bytes one by one.
    frameAllowance.spend(frames + (at === 0 ? 1 : 0));
    byteAllowance.spend(to - at);
    const part = chunk.subarray(at, to);
    // A small part is copied: kept as a view, one unfinished message could hold whole reads in memory.
    const portion = part.length * 2 < chunk.length ? Buffer.from(part) : part;
    at = to;
    if (at === chunk.length) {
      chunk = undefined;
      at = 0;
    }
    isWanted = metered.push(portion);
    bytesSinceProbe += portion.length;
    if (bytesSinceProbe >= PROBE_BYTES) probe();
    goOn();
  };

  const goOn = (): void => {
    if (!isWanted || isAsked || metered.destroyed) return;
    if (chunk === undefined) {
      if (hasEnded) metered.push(null);
      else socket.resume();
      return;
    }
    isAsked = true;
    const owedMs = Math.max(frameAllowance.owedMs, byteAllowance.owedMs);
    if (owedMs === 0) turns.ask(() => inOwnScope(serve));
    else timer = setTimeout(wait, owedMs);
  };

  const wait = (): void => {
    turns.ask(() => inOwnScope(serve));
    probe();
  };
  const probe = (): void => {
    if (clock.monotonicMs() - probedMs < PROBE_MS || !metered.writable) return;
    probedMs = clock.monotonicMs();
    bytesSinceProbe = 0;
    socket.write(PING);
  };

  const metered = new Duplex({
    read: () => {
      isWanted = true;
      goOn();
    },
    write: (bytes: Buffer, _encoding, done) => void socket.write(bytes, done),
    writev: (parts, done) => {
      socket.cork();
      parts.forEach(({ chunk: bytes }, index) => socket.write(bytes, index === parts.length - 1 ? done : undefined));
      socket.uncork();
    },
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      clearTimeout(timer);
      socket.destroy();
      done(error);
    },
  });

  socket.on("data", (bytes: Buffer) => {
    chunk = bytes;
    socket.pause();
    goOn();
  });
  // A paused stream reports its end too, right after its last bytes.
  socket.once("end", () => {
    hasEnded = true;
    goOn();
  });
  socket.on("error", (error) => metered.destroy(error));
  socket.once("close", () => metered.destroy());
  if (isNetSocket(socket)) socket.setTimeout(0).setNoDelay(true);
  socket.pause();
  return metered;
}

function isNetSocket(socket: Duplex): socket is Socket {
  return "setNoDelay" in socket;
}
