import { setInterval } from "../../../shared/time/timers.ts";
import type { Connection } from "./connection.ts";

/**
 * Handles a client that closed its sending side while it waits for an answer. It may read on, or be gone: both look alike until something is
 * sent. Interim answers, which every client of HTTP/1.1 skips, tell: from one that is gone the first brings a reset, and the next fails.
 */
export function onHalfClose({ socket, newest, answer }: Connection, probeMs: number): void {
  if (answer === undefined || newest?.complete !== true) return;
  // HTTP/1.0 has no interim answers, and the events of a stream are its answer.
  if (answer.headersSent || answer.req.httpVersion === "1.0") return void socket.end();
  answer.writeContinue();
  const timer = setInterval(() => {
    if (answer.headersSent) clearInterval(timer);
    else answer.writeContinue();
  }, probeMs);
  answer.once("close", () => clearInterval(timer));
}
