import { setTimeout } from "../../shared/time/timers.ts";
import type { RuntimeContext } from "../context.ts";
import { currentConnection } from "../http/connections/connection.ts";
import type { Connection } from "../http/connections/connection.ts";

/** How often and for how long the shared counts are checked after a bug. */
const CHECK_MS = 1000;
const CHECKS = 30;

/**
 * Handles errors that nothing caught. One that was thrown on behalf of a connection is logged as a bug and ends that connection. The state of
 * the process is in doubt when no connection is to blame, or when what the connection held does not come back: then `onDoubt` is called.
 */
export function createContainment(
  context: RuntimeContext,
  onDoubt: (error: unknown) => void,
): (error: unknown) => void {
  const check = (connection: Connection, error: unknown, left: number): void => {
    if (isSound(context, connection)) return;
    if (left === 0) return onDoubt(error);
    setTimeout(() => check(connection, error, left - 1), CHECK_MS).unref();
  };
  return (error) => {
    const connection = currentConnection();
    if (connection === undefined) return onDoubt(error);
    const { log, metrics, exchanges } = context;
    const exchange = [...exchanges].find(({ req }) => req.socket === connection.socket);
    log.error("bug", {
      err: error,
      ended: "connection",
      ...(exchange === undefined ? {} : { request_id: exchange.requestId, route: exchange.route }),
    });
    metrics.error("transcription_error");
    connection.socket.destroy();
    setTimeout(() => check(connection, error, CHECKS), CHECK_MS).unref();
  };
}

/** No slot is lent to more than the requests and sessions that there are, and the ended connection has no request left. */
function isSound({ admission, exchanges, sessions }: RuntimeContext, { socket }: Connection): boolean {
  const isLeft = [...exchanges].some(({ req }) => req.socket === socket);
  return !isLeft && admission.total - admission.available <= exchanges.size + sessions.size;
}
