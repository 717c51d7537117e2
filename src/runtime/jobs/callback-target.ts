import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { WireError } from "../../shared/errors.ts";

/** Addresses of a name, for tests. */
export type Resolve = (name: string) => Promise<readonly string[]>;

const MAX_URL_LENGTH = 2000;

export const resolveName: Resolve = async (name) => (await lookup(name, { all: true })).map(({ address }) => address);

/** Returns the URL when it may be stored as a callback; throws `bad_request` for what can never be one. */
export function parseCallbackUrl(text: string): URL {
  const url = text.length <= MAX_URL_LENGTH && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol) || url.hostname === "") {
    throw bad(`must be an http or https URL of at most ${MAX_URL_LENGTH} characters`);
  }
  if (url.username !== "" || url.password !== "") throw bad("must not contain a user or password");
  return url;
}

/**
 * Returns the address to connect to, so that no later look-up can lead elsewhere. Undefined: every address of the name is private, and not in
 * a network that the operator allows.
 */
export async function pinnedAddress(
  url: URL,
  allowed: readonly string[],
  resolve: Resolve = resolveName,
): Promise<string | undefined> {
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const addresses = isIP(name) === 0 ? await resolve(name) : [name];
  // One private address is enough to refuse: the next look-up of a hostile name could return only that one.
  return addresses.length > 0 && addresses.every((address) => mayReach(address, allowed)) ? addresses[0] : undefined;
}

function mayReach(text: string, allowed: readonly string[]): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  if (address.range() === "unicast") return true;
  return allowed.some((cidr) => {
    const [network, bits] = ipaddr.parseCIDR(cidr);
    return network.kind() === address.kind() && address.match(network, bits);
  });
}

function bad(rule: string): WireError {
  return new WireError("bad_request", `callback_url ${rule}`, { param: "callback_url" });
}
