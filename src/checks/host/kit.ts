import { isLoopbackAddress } from "../../shared/proc-net.ts";

export function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || address === "::" || address === "[::]" || address === "*";
}

/** Reachable from the network: the wildcard, or an address that is not this machine's own. */
export function isOpen(address: string): boolean {
  return isWildcard(address) || !isLoopbackAddress(address);
}

export function hostPort(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

export function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** What usually listens there, and must not be open to a network. */
export const INNER_PORTS: Readonly<Record<number, string>> = {
  2019: "Caddy's admin API",
  2375: "the Docker API without TLS",
  6379: "Redis",
};
