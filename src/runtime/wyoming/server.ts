import { createServer } from "node:net";
import type { Socket } from "node:net";
import { WireError } from "../../shared/errors.ts";
import { createTurns } from "../../shared/time/turns.ts";
import type { RuntimeContext } from "../context.ts";
import { tooManyConnections } from "../http/connections/client-connections.ts";
import type { ClientConnections } from "../http/connections/client-connections.ts";
import { createConnection, onBehalfOf } from "../http/connections/connection.ts";
import { lingerAtEnd } from "../http/connections/lingering-close.ts";
import type { FaceServer } from "../http/listen.ts";
import { createReadTurns, meterReads } from "../http/connections/metered-reads.ts";
import { createReadCost } from "../http/connections/read-cost.ts";
import { serveConnection } from "./connection.ts";
import { createAnnouncement } from "./zeroconf.ts";

/** Creates the server of the Wyoming port. It answers from the first moment, also while the model is loaded. */
export function createWyomingServer(context: RuntimeContext, clients: ClientConnections): FaceServer {
  const reads = createReadTurns();
  const costs = createReadCost();
  const turns = createTurns(0);
  const announcement = createAnnouncement(context);

  const serve = (socket: Socket): void => {
    socket.on("error", () => {});
    const share = clients.open(socket);
    // A bug in one connection's events ends that connection alone.
    onBehalfOf(createConnection(socket, share.waiting, turns), () => {
      let audioBytes = 0;
      const meter = meterReads(socket, reads, share, (bytes, tookMs) => {
        const isAudio = connection.audioBytes - audioBytes > bytes / 2;
        ({ audioBytes } = connection);
        // Audio waits for its recognition, whatever a busy machine takes to read it.
        if (!isAudio && costs.isTooMuch(socket, bytes, tookMs)) connection.end(tooCostly());
      });
      lingerAtEnd(socket, meter, context.closing, context.timing.lingerMs);
      const client = context.clientOf(socket.remoteAddress, { forwardedFor: undefined, realIp: undefined });
      const connection = serveConnection(socket, client, context, refusalOf(socket));
    });
  };
  const refusalOf = (socket: Socket): WireError | undefined => {
    if (context.phase.draining) return new WireError("shutting_down", "the server is shutting down");
    return clients.isSurplus(socket) ? tooManyConnections() : undefined;
  };

  return {
    // A client may close its sending side and wait for the transcript.
    server: createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, serve),
    announce: (address) => announcement.begin(address),
    close: () => announcement.end(),
  };
}

function tooCostly(): WireError {
  return new WireError(
    "bad_request",
    "the events cost far more than the audio in them; send audio in chunks of 1 KiB or more, and fewer questions",
  );
}
