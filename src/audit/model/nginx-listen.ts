import type { NginxScope } from "./nginx.ts";
import { arg, ownAll } from "./nginx.ts";

/** An address on which nginx listens, and the servers that share it. */
export interface ListenSocket {
  /** As its first `listen` says it: `443`, `[::]:443`, `unix:/run/x.sock`. */
  readonly address: string;
  readonly servers: readonly NginxScope[];
  /** The one that has the say before a name is known: marked `default_server`, else the first. */
  readonly leader: NginxScope;
  /** True when it is marked. */
  readonly marked: boolean;
}

/** The sockets of some servers, in the order in which they are written. */
export function listenSockets(servers: readonly NginxScope[]): readonly ListenSocket[] {
  const sockets = new Map<string, { address: string; servers: NginxScope[]; leader: NginxScope; marked: boolean }>();
  for (const server of servers)
    for (const listen of ownAll(server, "listen")) {
      const address = arg(listen, 0);
      const marked = listen.args.some(({ value }) => value === "default_server");
      const known = sockets.get(socketOf(address));
      if (known === undefined) sockets.set(socketOf(address), { address, servers: [server], leader: server, marked });
      else {
        known.servers.push(server);
        if (marked && !known.marked) Object.assign(known, { leader: server, marked });
      }
    }
  return [...sockets.values()];
}

// ---

/** `80` and `*:80` are one socket, and so are `127.0.0.1` and `127.0.0.1:80`. */
function socketOf(address: string): string {
  if (/^\d+$/.test(address)) return `*:${address}`;
  return address.startsWith("unix:") || /:\d+$/.test(address) ? address : `${address}:80`;
}
