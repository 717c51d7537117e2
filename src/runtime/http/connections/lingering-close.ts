import type { Socket } from "node:net";
import { setTimeout } from "../../../shared/time/timers.ts";
import type { ReadMeter } from "./metered-reads.ts";

/** Sockets whose last answer is written and that wait for their clients to close. */
export type ClosingSockets = Set<Socket>;

/**
 * Replaces how Node ends a connection behind its last answer. Closing a socket at once while the client still sends, or with bytes unread,
 * resets the connection, and the client may lose the answer (RFC 9112 9.6). Here only the sending side is closed, what still comes is
 * thrown away unparsed, and the socket is closed when the client has closed its side, at the latest `lingerMs` after the answer was sent.
 */
export function lingerAtEnd(socket: Socket, meter: ReadMeter, closing: ClosingSockets, lingerMs: number): void {
  let isEnding = false;
  const end = (): void => {
    if (isEnding) return;
    isEnding = true;
    closing.add(socket);
    let timer: NodeJS.Timeout | undefined;
    socket.once("close", () => {
      closing.delete(socket);
      clearTimeout(timer);
    });
    let hasClosed = false;
    meter.discard(() => {
      hasClosed = true;
      if (socket.writableFinished) socket.destroy();
    });
    const linger = (): void => {
      if (hasClosed) return void socket.destroy();
      timer = setTimeout(() => socket.destroy(), lingerMs);
    };
    if (socket.writableFinished) return linger();
    socket.once("finish", linger).end();
  };
  socket.destroySoon = end;
}
