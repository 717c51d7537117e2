import { once } from "node:events";
import type { Server } from "node:http";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import type { TlsPair } from "../../shared/process/messages.ts";
import { listen } from "./listen.ts";
import type { ListenAddress, ListenTarget } from "./listen.ts";
import { serverOptions } from "./server-options.ts";
import { setTimeout } from "../../shared/time/timers.ts";

/** An HTTPS server made by listhen for the home network: browsers allow the microphone on secure pages only. */
export interface LanServer {
  readonly server: Server;
  readonly address: ListenAddress;
  /** Addresses to type on another device; empty for an inherited socket, whose owner prints them. */
  readonly urls: readonly string[];
}

export interface LanOptions {
  readonly target: ListenTarget;
  /** Kept by the caller: devices that accepted it meet it again after every restart. */
  readonly tls: TlsPair;
  /** Time for a TLS handshake, and for the headers of a request. */
  readonly headersTimeoutMs: number;
}

const LOOPBACK = "127.0.0.1";

/**
 * Serves the home network, with `gigastt serve` and behind the supervisor's socket alike. The only file that imports listhen; its signal
 * handling, port search, tunnel, clipboard and printing stay off. listhen cannot listen on a descriptor: its server starts on a free
 * loopback port, without routes, and moves to the descriptor.
 */
export async function listenOnLan({ target, tls, headersTimeoutMs }: LanOptions): Promise<LanServer> {
  // Loaded only here: it costs a quarter of a second and brings a second h3.
  const { listen: listhen } = await import("listhen");
  const isInherited = "fd" in target;
  const place = isInherited ? { host: LOOPBACK, port: 0 } : target;
  try {
    const listener = await listhen(() => {}, {
      hostname: place.host,
      // listhen takes 0 for its own default, 3000.
      port: place.port === 0 ? await freePort(place.host) : place.port,
      public: !isInherited,
      https: { cert: tls.certificate, key: tls.privateKey },
      isProd: true,
      isTest: true,
      autoClose: false,
      showURL: false,
      open: false,
      clipboard: false,
      tunnel: false,
    });
    // listhen's type is a union of node's servers, HTTPS included; what the runtime uses of it is the same in all.
    const server = listener.server as unknown as Server;
    boundHandshakes(server, headersTimeoutMs);
    // Once more, with what Node reads when a server starts to listen.
    server.close();
    await once(server, "close");
    Object.assign(server, serverOptions(headersTimeoutMs));
    const address = await listen(server, isInherited ? target : { host: place.host, port: listener.address.port });
    if (isInherited) return { server, address, urls: [] };
    const urls = await listener.getURLs();
    // For a person at a terminal, to point a phone's camera at; never in a log.
    if (process.stdout.isTTY) await listener.showURL({ qr: true });
    return { server, address, urls: urls.map(({ url }) => url) };
  } catch (error) {
    if (error instanceof GigasttError) throw error;
    throw new GigasttError(
      "GST_LISTEN",
      `cannot listen on ${place.host}:${place.port} for the home network: ${messageOf(error)}; set server.port or server.lan: false`,
      { cause: error },
    );
  }
}

// ---

/** Closes connections that do not finish their TLS handshake in time: Node's own limit is 120 s and is set when a server is made. */
function boundHandshakes(server: Server, limitMs: number): void {
  const pending = new Map<string, NodeJS.Timeout>();
  const settle = (key: string): void => {
    clearTimeout(pending.get(key));
    pending.delete(key);
  };
  server.on("connection", (socket: Socket) => {
    const key = peerOf(socket);
    pending.set(
      key,
      setTimeout(() => socket.destroy(), limitMs),
    );
    socket.once("close", () => settle(key));
  });
  server.on("secureConnection", (socket: Socket) => settle(peerOf(socket)));
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}|${remotePort}`;
}

async function freePort(host: string): Promise<number> {
  const probe = createServer().listen(0, host);
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
