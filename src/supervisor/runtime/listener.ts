import { portTakenError } from "../../shared/machine/port-taken.ts";
import { lookup } from "node:dns/promises";
import { chmodSync, existsSync, unlinkSync } from "node:fs";
import net from "node:net";
import { inheritedSockets } from "../../shared/process/listen-fds.ts";
import type { InheritedSocket } from "../../shared/process/listen-fds.ts";
import { LISTENERS, listenerSpec, placeText } from "../../shared/listeners.ts";
import type { ListenerName, ListenPlace } from "../../shared/listeners.ts";
import { GigasttError, messageOf } from "../../shared/errors.ts";

/**
 * A listening socket the supervisor owns but never accepts on: it is handed to runtimes as an inherited descriptor.
 * While no runtime accepts, the kernel queues connections instead of refusing them.
 */
export interface Listener {
  readonly name: ListenerName;
  readonly fd: number;
  /** As the configuration asked for it. */
  readonly asked: ListenPlace;
  /** As bound, with the port that was really given (for port 0). */
  readonly place: ListenPlace;
  /** True when systemd (or another activator) gave it to us: then it cannot be bound elsewhere. */
  readonly inherited: boolean;
  close(): void;
}

/** Returns the listener: the socket that was passed for it, else a newly bound one. */
export async function openListener(
  name: ListenerName,
  place: ListenPlace,
  passed: ReadonlyMap<ListenerName, number>,
): Promise<Listener> {
  const fd = passed.get(name);
  if (fd !== undefined) return takeInherited(name, fd, place);
  if ("socket" in place) return bindSocket(name, place.socket);
  const { section } = listenerSpec(name);
  const { address, family } = await resolveHost(place.host, `${section}.host`);
  const handle = createServerHandle(address, place.port, family === 6 ? 6 : 4);
  const fail = (errno: number): GigasttError => bindError(place, section, errno);
  if (typeof handle === "number") throw fail(handle);
  return listenerOf(handle, { name, asked: place, inherited: false, fail });
}

/**
 * Returns the sockets passed by socket activation (`LISTEN_FDS`, `LISTEN_PID`), by listener. `LISTEN_FDNAMES` says which is which
 * (`FileDescriptorName=` of the socket unit); a single socket of another name is the HTTP one.
 */
export function passedSockets(env: NodeJS.ProcessEnv): ReadonlyMap<ListenerName, number> {
  const sockets = inheritedSockets(env, process.pid);
  const byName = new Map<ListenerName, number>();
  const others: InheritedSocket[] = [];
  for (const socket of sockets) {
    const spec = LISTENERS.find(({ name }) => name === socket.name);
    if (spec === undefined || byName.has(spec.name)) others.push(socket);
    else byName.set(spec.name, socket.fd);
  }
  const [first, ...more] = others;
  if (first === undefined) return byName;
  if (more.length > 0 || byName.has("http")) {
    throw new GigasttError(
      "GST_LISTEN_FDS",
      `socket activation must pass one TCP socket for each listener, it passed ${sockets.length}: leave one ListenStream= in each socket unit and set FileDescriptorName= to ${LISTENERS.map(({ name }) => name).join(", ")}`,
    );
  }
  return byName.set("http", first.fd);
}

// ---

interface ServerHandle {
  readonly fd: number;
  close(): void;
  /** Absent on unix sockets. */
  getsockname?(out: Record<string, unknown>): number;
}

function takeInherited(name: ListenerName, fd: number, asked: ListenPlace): Listener {
  const handle = createServerHandle(null, 0, 0, fd);
  const fail = (): GigasttError =>
    new GigasttError(
      "GST_LISTEN_FDS",
      `socket activation passed descriptor ${fd}, but it is not a listening socket: use ListenStream=HOST:PORT`,
    );
  if (typeof handle === "number") throw fail();
  return listenerOf(handle, { name, asked, inherited: true, fail });
}

async function bindSocket(name: ListenerName, path: string): Promise<Listener> {
  await removeStale(path);
  const handle = createServerHandle(path, -1, -1);
  const fail = (errno: number): GigasttError =>
    new GigasttError(
      "GST_BIND",
      `the unix socket ${path} cannot be created (errno ${-errno}): its folder must exist and be writable for this user`,
    );
  if (typeof handle === "number") throw fail(handle);
  chmodSync(path, SOCKET_MODE);
  return listenerOf(handle, { name, asked: { socket: path }, inherited: false, fail });
}

/** Removes the file that a killed process left behind. */
async function removeStale(path: string): Promise<void> {
  if (!existsSync(path)) return;
  if (!(await refusesConnections(path)))
    throw new GigasttError("GST_BIND", `the unix socket ${path} is in use by another program, or is not a socket`);
  unlinkSync(path);
}

function refusesConnections(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"));
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
  });
}

/** Its group may connect. */
const SOCKET_MODE = 0o660;

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
    typeof Reflect.get(value, "close") === "function"
  );
}

interface ListenerOptions extends Pick<Listener, "name" | "asked" | "inherited"> {
  readonly fail: (errno: number) => GigasttError;
}

function listenerOf(handle: ServerHandle, { name, asked, inherited, fail }: ListenerOptions): Listener {
  const bound: Record<string, unknown> = {};
  // libuv reports a busy port only here: bind() keeps EADDRINUSE back.
  const errno = handle.getsockname?.(bound) ?? 0;
  const { address: host, port } = bound;
  const place = typeof host === "string" && typeof port === "number" ? { host, port } : undefined;
  if (errno !== 0 || (place === undefined && !("socket" in asked))) {
    if (!inherited) handle.close();
    throw fail(errno);
  }
  let closed = false;
  return {
    name,
    fd: handle.fd,
    asked,
    place: place ?? asked,
    inherited,
    close: () => {
      if (!closed) handle.close();
      closed = true;
    },
  };
}

async function resolveHost(host: string, key: string): Promise<{ address: string; family: number }> {
  try {
    return await lookup(host.replace(/^\[(.*)\]$/, "$1"));
  } catch (error) {
    throw new GigasttError(
      "GST_BIND",
      `${key} must be an address of this machine, "${host}" cannot be resolved (${messageOf(error)}): use 127.0.0.1, 0.0.0.0 or a name in /etc/hosts`,
      { cause: error },
    );
  }
}

function bindError(
  place: { readonly host: string; readonly port: number },
  section: string,
  errno: number,
): GigasttError {
  const { host, port } = place;
  switch (errno) {
    case -98:
    case -48:
      return portTakenError(host, port, { key: `${section}.port` });
    case -13:
      return new GigasttError(
        "GST_BIND",
        `port ${port} needs privileges this user does not have: use a port from 1024 up, or let the proxy own ${port}`,
      );
    case -99:
    case -49:
      return new GigasttError(
        "GST_BIND",
        `${host} is not an address of this machine: set ${section}.host to 127.0.0.1, 0.0.0.0 or an address of this machine`,
      );
    default:
      return new GigasttError("GST_BIND", `${placeText(place)} cannot be bound (errno ${-errno})`);
  }
}
