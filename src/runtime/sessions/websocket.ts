import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Peer } from "crossws";
import nodeAdapter from "crossws/adapters/node";
import type { Face } from "../../shared/protocol.ts";
import type { RuntimeContext } from "../context.ts";
import { logAccess } from "../http/connections/access-log.ts";
import { toWireError } from "../http/replies/errors.ts";
import type { UpgradeHandler } from "../http/connections/dispatch.ts";
import { clientOf } from "../http/connections/open-exchange.ts";
import { writeRawError } from "../http/replies/raw-response.ts";
import { requestId } from "../http/request-id.ts";
import { createTurns } from "../../shared/time/turns.ts";
import { meterSocket } from "./metered-socket.ts";
import { takenBytesOf } from "./peer.ts";
import type { SessionPeer } from "./peer.ts";
import type { SessionRegistry } from "./registry.ts";
import { createSession } from "./session.ts";
import type { Session } from "./registry.ts";
import type { SessionIdentity } from "./session.ts";
import type { KeyUse } from "../access/keys.ts";
import type { ClientAddress } from "../access/client-address.ts";
import type { Dialect } from "./dialect.ts";
import { setInterval } from "../../shared/time/timers.ts";

/** The part of the `ws` socket under a crossws peer that crossws has no name for. */
interface NodeSocket {
  readonly bufferedAmount: number;
  pause(): void;
  resume(): void;
  on(event: "error", listener: (error: Error & { code?: string }) => void): void;
}

/** What an accepted upgrade becomes. */
export interface Accepted {
  readonly dialect: Dialect;
  /** Headers of the answer, besides the request's id. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The API key it was accepted for. */
  readonly use?: KeyUse | undefined;
}

/** Which upgrades a port takes. */
export interface UpgradePolicy {
  /** The route's label in logs and metrics, and whose form its refusals have. */
  routeOf(path: string): { readonly path: string; readonly face: Face };
  /** Throws the plain HTTP refusal; nothing is allocated for an upgrade that is refused. */
  accept(req: IncomingMessage, path: string, client: ClientAddress): Accepted;
}

export interface WebSockets {
  readonly onUpgrade: UpgradeHandler;
  /** Stops the heartbeat. */
  close(): void;
}

/**
 * The crossws node adapter, mounted by hand on the server's `upgrade` event. Its own heartbeat is off: it would cut a socket that we paused
 * and that therefore cannot answer; ours knows the difference.
 */
export function createWebSockets(
  context: RuntimeContext,
  sessions: SessionRegistry,
  policy: UpgradePolicy,
): WebSockets {
  const byPeer = new WeakMap<Peer, Session>();
  /** Frames arrive outside the scope of their connection; a bug in handling one must end that connection only. */
  const scopes = new WeakMap<Peer, (action: () => void) => void>();
  const alive = new WeakSet<Session>();
  /** The registry has those of other ports too. */
  const own = new WeakSet<Session>();
  const turns = createTurns();
  const { limits } = context.settings.current;
  const withSession = (peer: Peer, action: (session: Session) => void): void => {
    const session = byPeer.get(peer);
    if (session !== undefined) scopes.get(peer)?.(() => action(session));
  };
  const receiveControl = (peer: Peer): void =>
    withSession(peer, (session) => {
      alive.add(session);
      session.receiveControl();
    });

  const adapter = nodeAdapter({
    idleTimeout: 0,
    serverOptions: {
      maxPayload: limits.wsFrameBytes,
      perMessageDeflate: false,
      clientTracking: false,
      // Honoured by ws, missing from crossws's types.
      ...({
        // Default 30 s: one client that never answers Close would hold a drain that long.
        closeTimeout: context.timing.closeGraceMs,
        // The second one is 262144 by default. Each piece of an unfinished message is an object and keeps the memory that it was read into.
        maxFragments: MAX_FRAGMENTS,
        maxBufferedChunks: Math.max(MAX_FRAGMENTS, limits.wsFrameBytes / 512),
      } as object),
    },
    hooks: {
      upgrade: (request) => {
        const upgrade = upgradeOf(request);
        const headers = { "x-request-id": upgrade.identity.requestId, ...upgrade.accepted.headers };
        return { headers, context: { upgrade } };
      },
      open: (peer) => {
        const socket = peer.websocket as unknown as NodeSocket; // the node adapter's peers wrap a ws socket
        const { identity, accepted, wire } = peer.context["upgrade"] as Upgrade; // put there by the upgrade hook
        const session = createSession(sessionPeer(peer, socket, wire), identity, accepted.dialect, context);
        byPeer.set(peer, session);
        scopes.set(peer, AsyncLocalStorage.snapshot());
        alive.add(session);
        own.add(session);
        sessions.add(session);
        // crossws's own error hook loses the code.
        socket.on("error", (error) => session.fail(closeCodeOf(error.code)));
      },
      message: (peer, message) =>
        withSession(peer, (session) => {
          alive.add(session);
          // Not message.arrayBuffer(): that is the whole TCP chunk. An empty frame arrives as "".
          if (typeof message.rawData === "string") session.receiveText(message.rawData);
          else session.receiveAudio(message.uint8Array());
        }),
      ping: (peer) => receiveControl(peer),
      pong: (peer) => receiveControl(peer),
      close: (peer, details) => withSession(peer, (session) => session.gone(details.code ?? 1006)),
      error: () => {},
    },
  });

  const upgrades = new WeakMap<object, Upgrade>();
  const upgradeOf = (request: object): Upgrade => {
    const found = upgrades.get(request);
    if (found === undefined) throw new Error("an upgrade reached the adapter without passing the server");
    return found;
  };

  const beat = (): void => {
    for (const session of sessions) {
      if (!own.has(session) || session.phase === "closed" || session.isPaused) continue;
      if (!alive.delete(session)) session.terminate();
      else session.ping();
    }
  };
  let heartbeat = setInterval(beat, context.settings.current.session.pingIntervalMs);
  context.settings.onChange((next) => {
    clearInterval(heartbeat);
    heartbeat = setInterval(beat, next.session.pingIntervalMs);
  });

  return {
    onUpgrade: (req, socket, head) => {
      // Between the upgrade event and the WebSocket the socket has no other listener: a reset would be an uncaught exception.
      socket.on("error", () => {});
      const id = requestId(req.headers["x-request-id"], context.clock);
      const path = pathOf(req);
      const startedMs = context.clock.monotonicMs();
      const client = clientOf(req, context);
      const { path: route, face } = policy.routeOf(path);
      const sentBefore = socket.bytesWritten;
      const count = (status: number, key?: string): void => {
        context.metrics.request("GET", route, status, (context.clock.monotonicMs() - startedMs) / 1000);
        socket.once("close", () => {
          const durationMs = context.clock.monotonicMs() - startedMs;
          const bytes = socket.bytesWritten - sentBefore;
          logAccess(req, { client: client.address, key, status, bytes, durationMs, requestId: id }, false, context);
        });
      };
      let accepted: Accepted;
      try {
        accepted = policy.accept(req, path, client);
      } catch (error) {
        const wire = toWireError(error);
        count(wire.status);
        context.metrics.error(wire.wireCode);
        context.log.info("upgrade_refused", { request_id: id, route, status: wire.status, code: wire.wireCode });
        writeRawError(socket, wire, { "x-request-id": id }, face);
        return;
      }
      count(101, accepted.use?.key);
      const request = new Request("http://localhost/");
      const identity = { requestId: id, route, client: client.key, use: accepted.use };
      upgrades.set(request, { identity, accepted, wire: socket });
      const metered = meterSocket(socket, head, turns, context.clock);
      void adapter.handleUpgrade(req, metered, NOTHING, request).catch((error: unknown) => {
        context.log.error("upgrade_failed", { request_id: id, err: error });
        metered.destroy();
      });
    },
    close: () => clearInterval(heartbeat),
  };
}

interface Upgrade {
  readonly identity: SessionIdentity;
  readonly accepted: Accepted;
  /** The socket under the WebSocket. */
  readonly wire: Socket;
}

/** Pieces, in frames or in TCP reads, that one message may have. */
const MAX_FRAGMENTS = 16_384;
const NOTHING = Buffer.alloc(0);

function sessionPeer(peer: Peer, socket: NodeSocket, wire: Socket): SessionPeer {
  return {
    send: (message) => void peer.send(message),
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    get takenBytes() {
      return takenBytesOf(wire);
    },
    close: (code, reason) => peer.close(code, reason),
    terminate: () => peer.terminate(),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    ping: () => peer.ping(),
  };
}

/** Close codes ws answers its own errors with. */
function closeCodeOf(code: string | undefined): number {
  switch (code) {
    case "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH":
    case "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH":
      return 1009;
    case "WS_ERR_INVALID_UTF8":
      return 1007;
    case "WS_ERR_TOO_MANY_BUFFERED_PARTS":
      return 1008;
    default:
      return code?.startsWith("WS_ERR_") === true ? 1002 : 1006;
  }
}

function pathOf(req: IncomingMessage): string {
  const url = req.url ?? "/";
  const end = url.indexOf("?");
  return end === -1 ? url : url.slice(0, end);
}
