import { portTakenError } from "../../shared/port-taken.ts";
import { lookup } from "node:dns/promises";
import net from "node:net";
import { FIRST_LISTEN_FD, inheritedSockets } from "../../shared/listen-fds.ts";
import { GigasttError, messageOf } from "../../shared/errors.ts";

/**
 * A listening socket the supervisor owns but never accepts on: it is handed to runtimes as an inherited descriptor.
 * While no runtime accepts, the kernel queues connections instead of refusing them.
 */
export interface Listener {
  readonly fd: number;
  /** The address as bound, and the port that was really given (for port 0). */
  readonly host: string;
  readonly port: number;
  /** True when systemd (or another activator) gave it to us: then it cannot be bound elsewhere. */
  readonly inherited: boolean;
  close(): void;
}

/**
 * Binds host and port without accepting. `net.Server` cannot do that: once it listens it accepts, and would take
 * connections away from the runtimes. `net._createServerHandle` is what Node's own cluster module uses for the same purpose.
 */
export async function bindListener(host: string, port: number): Promise<Listener> {
  const { address, family } = await resolveHost(host);
  const handle = createServerHandle(address, port, family === 6 ? 6 : 4);
  if (typeof handle === "number") throw bindError(host, port, handle);
  return listenerOf(handle, { inherited: false, fail: (errno) => bindError(host, port, errno) });
}

/**
 * The socket passed by socket activation (`LISTEN_FDS`, `LISTEN_PID`), or undefined when there is none for us.
 * The first descriptor counts; more than one is refused, as we would serve only one of them.
 */
export function inheritedListener(env: NodeJS.ProcessEnv): Listener | undefined {
  const count = inheritedSockets(env, process.pid);
  if (count === 0) return undefined;
  if (count > 1) {
    throw new GigasttError(
      "GST_LISTEN_FDS",
      `socket activation must pass one TCP socket, it passed ${count}: leave one ListenStream= in the socket unit`,
    );
  }
  const handle = createServerHandle(null, 0, 0, FIRST_LISTEN_FD);
  const fail = (): GigasttError =>
    new GigasttError(
      "GST_LISTEN_FDS",
      `socket activation passed descriptor ${FIRST_LISTEN_FD}, but it is not a TCP socket: use ListenStream=HOST:PORT`,
    );
  if (typeof handle === "number") throw fail();
  return listenerOf(handle, { inherited: true, fail });
}

// ---

interface ServerHandle {
  readonly fd: number;
  close(): void;
  getsockname(out: Record<string, unknown>): number;
}

function createServerHandle(address: string | null, port: number, type: number, fd?: number): ServerHandle | number {
  const create: unknown = Reflect.get(net, "_createServerHandle");
  if (typeof create !== "function") {
    throw new GigasttError(
      "GST_BIND",
      `this Node (${process.version}) cannot bind a socket without accepting on it: use Node 20, 22 or 24, or run "gigastt serve" under another supervisor`,
    );
  }
  let handle: unknown;
  try {
    handle = Reflect.apply(create, net, [address, port, type, fd]);
  } catch (error) {
    throw new GigasttError("GST_BIND", `the socket cannot be opened: ${messageOf(error)}`, { cause: error });
  }
  if (typeof handle === "number") return handle;
  if (!isServerHandle(handle)) return -22;
  return handle;
}

function isServerHandle(value: unknown): value is ServerHandle {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof Reflect.get(value, "fd") === "number" &&
    typeof Reflect.get(value, "close") === "function" &&
    typeof Reflect.get(value, "getsockname") === "function"
  );
}

function listenerOf(
  handle: ServerHandle,
  options: { readonly inherited: boolean; readonly fail: (errno: number) => GigasttError },
): Listener {
  const name: Record<string, unknown> = {};
  // libuv reports a busy port only here: bind() keeps EADDRINUSE back.
  const errno = handle.getsockname(name);
  const host = name["address"];
  const port = name["port"];
  if (errno !== 0 || typeof host !== "string" || typeof port !== "number") {
    if (!options.inherited) handle.close();
    throw options.fail(errno);
  }
  let closed = false;
  return {
    fd: handle.fd,
    host,
    port,
    inherited: options.inherited,
    close: () => {
      if (!closed) handle.close();
      closed = true;
    },
  };
}

async function resolveHost(host: string): Promise<{ address: string; family: number }> {
  try {
    return await lookup(host.replace(/^\[(.*)\]$/, "$1"));
  } catch (error) {
    throw new GigasttError(
      "GST_BIND",
      `server.host must be an address of this machine, "${host}" cannot be resolved (${messageOf(error)}): use 127.0.0.1, 0.0.0.0 or a name in /etc/hosts`,
      { cause: error },
    );
  }
}

function bindError(host: string, port: number, errno: number): GigasttError {
  const where = `${host}:${port}`;
  switch (errno) {
    case -98:
    case -48:
      return portTakenError(host, port);
    case -13:
      return new GigasttError(
        "GST_BIND",
        `port ${port} needs privileges this user does not have: use a port from 1024 up, or let the proxy own ${port}`,
      );
    case -99:
    case -49:
      return new GigasttError(
        "GST_BIND",
        `${host} is not an address of this machine: set server.host to 127.0.0.1, 0.0.0.0 or an address of this machine`,
      );
    default:
      return new GigasttError("GST_BIND", `${where} cannot be bound (errno ${-errno})`);
  }
}
