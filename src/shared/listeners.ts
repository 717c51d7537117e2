/**
 * The one table of listening sockets. Bind guard, supervisor, runtime, renderer, audit, checks and status read it, so that a port is either
 * known to all of them or does not exist. Imports nothing.
 */

export type ListenerName = "http" | "wyoming" | "vosk";

export interface ListenerSpec {
  /** Also the name of its descriptor in `LISTEN_FDNAMES`, and of its port in Kubernetes (15 characters at most). */
  readonly name: ListenerName;
  /** Section of the configuration with its keys `host` and `port`. */
  readonly section: "server" | "wyoming" | "vosk";
  readonly defaultPort: number;
  /** Off unless `<section>.enabled`. */
  readonly isOptional: boolean;
  readonly protocol: "http" | "wyoming" | "websocket";
  /** What encrypts it: the reverse proxy in front, or nothing. */
  readonly tls: "proxy" | "none";
  /** `<section>.socket` may name a unix socket, which replaces host and port. */
  readonly hasSocket: boolean;
  /** Its protocol carries API keys. Without them, `<section>.allowWithoutKey` opens it beside `auth.keys: required`. */
  readonly takesKeys: boolean;
  readonly summary: string;
}

export const LISTENERS: readonly ListenerSpec[] = [
  {
    name: "http",
    section: "server",
    defaultPort: 9876,
    isOptional: false,
    protocol: "http",
    tls: "proxy",
    hasSocket: false,
    takesKeys: true,
    summary: "HTTP and WebSocket",
  },
  {
    name: "wyoming",
    section: "wyoming",
    defaultPort: 10_300,
    isOptional: true,
    protocol: "wyoming",
    tls: "none",
    hasSocket: true,
    takesKeys: false,
    summary: "Wyoming protocol, for Home Assistant",
  },
  {
    name: "vosk",
    section: "vosk",
    defaultPort: 2700,
    isOptional: true,
    protocol: "websocket",
    tls: "none",
    hasSocket: false,
    takesKeys: true,
    summary: "Vosk WebSocket protocol, for telephony",
  },
];

/** Returns the entry of a listener. */
export function listenerSpec(name: ListenerName): ListenerSpec {
  const spec = LISTENERS.find((one) => one.name === name);
  if (spec === undefined) throw new Error(`there is no listener ${name}`);
  return spec;
}

/** An address to listen on: TCP, or a unix socket. */
export type ListenPlace = { readonly host: string; readonly port: number } | { readonly socket: string };

/** Returns the address as people write it: `127.0.0.1:9876`, `[::1]:9876` or the path of the socket. */
export function placeText(place: ListenPlace): string {
  if ("socket" in place) return place.socket;
  return place.host.includes(":") ? `[${place.host}]:${place.port}` : `${place.host}:${place.port}`;
}
