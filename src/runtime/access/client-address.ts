import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** Where a request really comes from, and under which key its client is limited. */
export interface ClientAddress {
  /** IPv4-mapped addresses as IPv4. `unknown` when the socket is already gone. */
  readonly address: string;
  /** IPv4: the address; IPv6: its /64. */
  readonly key: string;
  /** The proxy passed more than one address on: it appends instead of overwriting, so clients can forge the header. */
  readonly appendedForward: boolean;
}

export interface AddressHeaders {
  readonly forwardedFor: string | undefined;
  readonly realIp: string | undefined;
}

/** Decides who the client is, given the TCP peer and the headers a trusted proxy may have set. */
export type AddressResolver = (peer: string | undefined, headers: AddressHeaders) => ClientAddress;

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/**
 * Returns the resolver. The client is the peer, unless the peer is a trusted proxy: then the right-most address of `X-Forwarded-For` that is
 * not a trusted proxy, else `X-Real-IP`, else the peer. A value that is not an address means the peer.
 *
 * @param trustedProxies CIDRs, e.g. `127.0.0.1/32`; a bare address counts as itself
 */
export function createAddressResolver(trustedProxies: readonly string[]): AddressResolver {
  const isTrusted = createTrust(trustedProxies);
  return (peer, headers) => {
    const peerAddress = parseAddress(peer);
    if (peerAddress === undefined) return { address: "unknown", key: "unknown", appendedForward: false };
    if (!isTrusted(peerAddress)) return describe(peerAddress, false);
    const hops = headers.forwardedFor?.split(",").map((hop) => hop.trim()) ?? [];
    const appended = hops.length > 1;
    if (hops.length > 0 && headers.forwardedFor !== "") {
      const addresses = hops.map(parseAddress);
      for (const address of addresses.reverse()) {
        if (address === undefined) return describe(peerAddress, appended);
        if (!isTrusted(address)) return describe(address, appended);
      }
      return describe(peerAddress, appended);
    }
    return describe(parseAddress(headers.realIp?.trim()) ?? peerAddress, appended);
  };
}

/** Returns whether a TCP peer is one of the trusted proxies. */
export function createProxyCheck(trustedProxies: readonly string[]): (peer: string | undefined) => boolean {
  const isTrusted = createTrust(trustedProxies);
  return (peer) => {
    const address = parseAddress(peer);
    return address !== undefined && isTrusted(address);
  };
}

function createTrust(trustedProxies: readonly string[]): (address: Address) => boolean {
  const ranges = trustedProxies.flatMap((cidr) => parseRange(cidr) ?? []);
  return (address) =>
    ranges.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
}

/** Strict: only the usual spellings, so that `0x7f.1` or `127.1` never pass for an address. */
function parseAddress(text: string | undefined): Address | undefined {
  if (text === undefined) return undefined;
  const bare = text.replace(/%.*$/, "");
  if (isIP(bare) === 0) return undefined;
  return ipaddr.process(bare);
}

function parseRange(cidr: string): [Address, number][] | undefined {
  const [text, bits] = cidr.split("/");
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  const width = address.kind() === "ipv4" ? 32 : 128;
  // `::ffff:10.0.0.0/104` is written for the mapped form; its IPv4 network is 96 bits shorter.
  const mapped = width === 32 && text?.includes(":") === true;
  const length = bits === undefined ? width : Number(bits) - (mapped ? 96 : 0);
  return Number.isInteger(length) && length >= 0 && length <= width ? [[address, length]] : undefined;
}

function describe(address: Address, appendedForward: boolean): ClientAddress {
  const text = address.toString();
  return { address: text, key: address.kind() === "ipv4" ? text : `${prefix64(address)}/64`, appendedForward };
}

function prefix64(address: Address): string {
  const bytes = address.toByteArray().fill(0, 8);
  return ipaddr.fromByteArray(bytes).toString();
}
