import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { connectionsPerClient } from "../../../config/derived.ts";
import { WireError } from "../../../shared/errors.ts";
import { pathsOf } from "../../../shared/protocol.ts";
import { setTimeout } from "../../../shared/time/timers.ts";
import type { RuntimeContext } from "../../context.ts";
import { createClientShare } from "./client-share.ts";
import type { ClientShare } from "./client-share.ts";
import { clientOf } from "./open-exchange.ts";

/** How much one client may have open. */
export interface ClientConnections {
  /** Counts a new connection until it is closed; returns what all connections of its client share. */
  open(socket: Socket): ClientShare;
  /**
   * Counts a request or an upgrade that a trusted proxy passes on, until `release`. The refusal when its client, or the client of its
   * connection, has too much open.
   */
  enter(req: IncomingMessage): { readonly refusal: WireError | undefined; release(): void };
  /** The connection is over its client's limit: it ends after one answer. */
  isSurplus(socket: Socket): boolean;
}

/** Connections over the limit that a client may have: monitors on the same machine must still be answered. The oldest is closed for the newest. */
const SURPLUS = 32;
/** Time for the one request of such a connection. */
const SURPLUS_MS = 2000;
const PROBE_PATHS = pathsOf("probe");

export function createClientConnections(context: RuntimeContext): ClientConnections {
  const counts = new Map<string, number>();
  const surplus = new Map<string, Set<Socket>>();
  const isSurplus = new WeakSet<Socket>();
  const clients = new Map<string, { readonly share: ClientShare; connections: number }>();
  const newShare = (): ClientShare => createClientShare(context.clock);

  /** Counts one more, unless the client has as many as it may. */
  const take = (key: string): (() => void) | undefined => {
    const count = counts.get(key) ?? 0;
    if (count >= connectionsPerClient(context.settings.current)) return undefined;
    counts.set(key, count + 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const left = (counts.get(key) ?? 1) - 1;
      if (left === 0) counts.delete(key);
      else counts.set(key, left);
    };
  };

  const openSurplus = (key: string, socket: Socket): void => {
    isSurplus.add(socket);
    const all = surplus.get(key) ?? new Set();
    surplus.set(key, all.add(socket));
    if (all.size > SURPLUS) [...all][0]?.destroy();
    const timer = setTimeout(() => socket.destroy(), SURPLUS_MS);
    socket.once("close", () => {
      clearTimeout(timer);
      all.delete(socket);
      if (all.size === 0) surplus.delete(key);
    });
  };

  return {
    open: (socket) => {
      const peer = socket.remoteAddress;
      // A proxy's connections carry many clients: what it passes on is counted instead.
      if (context.isProxy(peer)) return newShare();
      const { key } = context.clientOf(peer, { forwardedFor: undefined, realIp: undefined });
      const release = take(key);
      if (release === undefined) openSurplus(key, socket);
      else socket.once("close", release);
      const client = clients.get(key) ?? { share: newShare(), connections: 0 };
      clients.set(key, client);
      client.connections++;
      socket.once("close", () => {
        if (--client.connections === 0) clients.delete(key);
      });
      return client.share;
    },
    enter: (req) => {
      const isProbe = PROBE_PATHS.includes(req.url?.split("?", 1)[0] ?? "");
      const peer = req.socket.remoteAddress;
      if (isProbe) return { refusal: undefined, release: () => {} };
      if (isSurplus.has(req.socket)) return { refusal: tooManyConnections(), release: () => {} };
      const { address, key } = clientOf(req, context);
      // Without a forwarded address the client is the proxy itself, and that is not one client.
      const isForwarded = context.isProxy(peer) && !context.isProxy(address);
      const release = isForwarded ? take(key) : () => {};
      return release === undefined
        ? { refusal: tooManyConnections(), release: () => {} }
        : { refusal: undefined, release };
    },
    isSurplus: (socket) => isSurplus.has(socket),
  };
}

/** Returns the refusal of a client that has as many connections as it may. */
export function tooManyConnections(): WireError {
  return new WireError(
    "too_many_connections",
    "this address has too many connections open; close some, or raise limits.connectionsPerClient",
  );
}
