import { isIP } from "node:net";
import { hostname } from "node:os";
import { domainToASCII } from "node:url";
import type { ResolvedConfig } from "../../config/types.ts";

/** Whether a request may address this server by this name, given as `Host` spells it: with or without port. */
export type HostPolicy = (host: string) => boolean;

/** Suffixes under which home routers and mDNS publish the machine's own name; none of them can be bought. */
const LAN_SUFFIXES: readonly string[] = ["local", "lan", "home.arpa", "internal"];

/**
 * The names of this server. A page whose DNS name is pointed at this machine after loading (DNS rebinding) is same-origin to its browser, so
 * only the `Host` header distinguishes it. Such an attack needs a public name: addresses and names without a dot always pass.
 *
 * @param machine name of this machine
 */
export function createHostPolicy(config: ResolvedConfig, machine: string = hostname()): HostPolicy {
  const { server, deploy } = config;
  // Every page of the world may call already.
  if (server.corsAllowAny) return () => true;
  const short = machine.split(".", 1)[0] ?? "";
  const names = [
    machine,
    ...LAN_SUFFIXES.map((suffix) => `${short}.${suffix}`),
    server.host,
    ...(deploy.domain === undefined ? [] : [deploy.domain]),
    // Its pages may call already.
    ...server.allowedOrigins.map((origin) => /^https?:\/\/(.*)$/i.exec(origin)?.[1] ?? ""),
    ...server.allowedHosts,
  ].map(hostName);
  const exact = new Set(names);
  const below = names.filter((name) => name.startsWith("*.")).map((name) => name.slice(1));
  return (host) => {
    const name = hostName(host);
    return isIP(name) !== 0 || !name.includes(".") || exact.has(name) || below.some((suffix) => name.endsWith(suffix));
  };
}

// ---

/** The name or address alone, lower case, in ASCII: no port, no brackets, no final dot. */
function hostName(host: string): string {
  const bracketed = /^\[(.*)\](?::\d*)?$/.exec(host)?.[1];
  if (bracketed !== undefined) return bracketed;
  const name = host.replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase();
  return /^[\x21-\x7e]*$/.test(name) ? name : domainToASCII(name);
}
