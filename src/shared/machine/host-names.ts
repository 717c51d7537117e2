import { hostname, networkInterfaces } from "node:os";

/** Returns the names and addresses a certificate for this machine should carry; `first` leads when it is given. */
export function namesOfHost(
  first: string | undefined,
  interfaces: ReturnType<typeof networkInterfaces> = knownInterfaces(),
  host: string = hostname(),
): readonly string[] {
  const addresses = Object.values(interfaces)
    .flatMap((list) => list ?? [])
    // Link-local addresses need a zone and change.
    .filter(({ address }) => !address.startsWith("fe80:"))
    .map(({ address }) => address);
  return [...new Set([...(first === undefined ? [] : [first]), host, "localhost", ...addresses])];
}

/** Returns the addresses of this machine that others in its network can reach, IPv4. */
export function lanAddresses(interfaces: ReturnType<typeof networkInterfaces> = knownInterfaces()): readonly string[] {
  return Object.values(interfaces)
    .flatMap((list) => list ?? [])
    .filter(({ internal, family }) => !internal && family === "IPv4")
    .map(({ address }) => address);
}

// ---

/** Asking for them needs a netlink socket; a unit without `server.lan` may not open one. */
function knownInterfaces(): ReturnType<typeof networkInterfaces> {
  try {
    // Bridges of containers and virtual machines come and go, and other devices cannot reach them.
    return Object.fromEntries(
      Object.entries(networkInterfaces()).filter(([name]) => !/^(?:docker|br-|veth|virbr|cni|flannel)/.test(name)),
    );
  } catch {
    return {};
  }
}
