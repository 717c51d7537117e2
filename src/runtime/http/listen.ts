import { portTakenError } from "../../shared/machine/port-taken.ts";
import { once } from "node:events";
import type { Server } from "node:net";
import { messageOf } from "../../shared/errors.ts";
import { GigasttError } from "../../shared/errors.ts";

/** Where to listen: a descriptor that another process has bound (systemd, the supervisor), or an address. */
export type ListenTarget = { readonly fd: number } | { readonly host: string; readonly port: number };

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** A protocol on a port of its own. */
export interface FaceServer {
  readonly server: Server;
  /** Tells the network where it is. */
  announce?(address: ListenAddress): void;
  /** Frees what would keep the process alive. */
  close(): void;
}

/** Starts listening; rejects with the cure when the address is in use or not an address of this machine. */
export async function listen(server: Server, target: ListenTarget, section = "server"): Promise<ListenAddress> {
  try {
    const listening = once(server, "listening");
    server.listen(target);
    await listening;
  } catch (error) {
    throw explain(error, target, section);
  }
  return addressOf(server);
}

export function addressOf(server: Server): ListenAddress {
  const address = server.address();
  if (address === null || typeof address === "string") return { host: address ?? "", port: 0 };
  return { host: address.address, port: address.port };
}

function explain(error: unknown, target: ListenTarget, section: string): GigasttError {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if ("fd" in target) {
    return new GigasttError(
      "GST_LISTEN",
      `descriptor ${target.fd} is not a listening socket (${messageOf(error)}); start through the supervisor or unset LISTEN_FDS`,
      { cause: error },
    );
  }
  if (code === "EADDRINUSE") return portTakenError(target.host, target.port, { key: `${section}.port`, cause: error });
  const where = `${target.host}:${target.port}`;
  const cures: Readonly<Record<string, string>> = {
    EACCES: `${where} needs privileges; choose a port above 1023, the proxy listens on 443`,
    EADDRNOTAVAIL: `${where} is not an address of this machine; set ${section}.host to an address of this machine`,
  };
  const text = typeof code === "string" ? cures[code] : undefined;
  return new GigasttError("GST_LISTEN", text ?? `cannot listen on ${where}: ${messageOf(error)}`, { cause: error });
}
