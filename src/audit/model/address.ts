/** Where a proxy sends requests: `http://127.0.0.1:9876/x`, `gigastt:9876`, `unix//run/x.sock`, `$backend`. */
export interface Address {
  readonly scheme: string;
  /** Lower case, brackets of IPv6 removed; the upstream's name when it is one. */
  readonly host: string;
  readonly port: number | undefined;
  /** Path part of the URL, empty when there is none. */
  readonly path: string;
  readonly unix: boolean;
  /** The address contains a variable. */
  readonly variable: boolean;
}

/** Reads an address; never fails, what cannot be read stays in `host`. */
export function parseAddress(text: string): Address {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase() ?? "";
  let rest = scheme === "" ? text : text.slice(scheme.length + 3);
  if (/^unix[:/]/.test(rest) || rest.startsWith("/")) {
    return { scheme, host: rest.replace(/^unix[:/]+/, "/"), port: undefined, path: "", unix: true, variable: false };
  }
  const slash = rest.indexOf("/");
  const path = slash === -1 ? "" : rest.slice(slash);
  if (slash !== -1) rest = rest.slice(0, slash);
  // `http://host:9876$request_uri` passes the path on as the client sent it.
  const match = /^(\[[^\]]*\]|[^:$]*)(?::(\d+))?(?:\$.*)?$/.exec(rest);
  const host = (match?.[1] ?? rest).replace(/^\[|\]$/g, "").toLowerCase();
  const fallback = scheme === "https" || scheme === "wss" ? 443 : scheme === "http" || scheme === "ws" ? 80 : undefined;
  return {
    scheme,
    host,
    port: match?.[2] ? Number(match[2]) : fallback,
    path,
    unix: false,
    variable: /[${]/.test(text),
  };
}

export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** An address of one private network: RFC 1918, carrier-grade NAT (Tailscale), unique local IPv6. */
export function isPrivateHost(host: string): boolean {
  return /^(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\.|^f[cd][\da-f]{2}:/i.test(
    host,
  );
}

/** An IPv4 or IPv6 literal. */
export function isIpLiteral(host: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(host) || host.includes(":");
}

/** CIDRs that trust every address, or the whole private address space. */
export function isEveryone(cidr: string): boolean {
  return /^(?:0\.0\.0\.0\/0|::\/0|0::\/0|\*)$/.test(cidr);
}
