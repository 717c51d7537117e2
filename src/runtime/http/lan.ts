import type { Server } from "node:http";
import { once } from "node:events";
import { createServer } from "node:net";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import type { ListenAddress } from "./listen.ts";

/** A server of listhen's making: TLS with a self-signed certificate, because browsers give the microphone to secure pages only. */
export interface LanServer {
  readonly server: Server;
  readonly address: ListenAddress;
  /** Addresses people can type, those of the home network included. */
  readonly urls: readonly string[];
}

/**
 * The home-network convenience, and the only file that knows listhen. Its own signal handling, port search, tunnel, clipboard and printing
 * stay off: the port is the configured one or an error, and the drain is ours.
 */
export async function listenOnLan(options: { host: string; port: number }): Promise<LanServer> {
  // Loaded only here: it costs a quarter of a second and brings a second h3.
  const { listen } = await import("listhen");
  try {
    const listener = await listen(() => {}, {
      hostname: options.host,
      // listhen takes 0 for its own default, 3000.
      port: options.port === 0 ? await freePort(options.host) : options.port,
      public: true,
      https: true,
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
    const urls = await listener.getURLs();
    // For a person at a terminal, to be pointed at with a phone; a log never gets it.
    if (process.stdout.isTTY) await listener.showURL({ qr: true });
    const { address, port } = listener.address;
    return { server, address: { host: address, port }, urls: urls.map(({ url }) => url) };
  } catch (error) {
    throw new GigasttError(
      "GST_LISTEN",
      `cannot listen on ${options.host}:${options.port} for the home network: ${messageOf(error)}; set server.port or server.lan: false`,
      { cause: error },
    );
  }
}

async function freePort(host: string): Promise<number> {
  const probe = createServer().listen(0, host);
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
