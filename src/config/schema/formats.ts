import { parseHotWords } from "../../shared/hot-words.ts";
import { ALL_ROUTES } from "../../shared/protocol.ts";
import { isIP } from "node:net";
import { domainToASCII, domainToUnicode } from "node:url";

/** Text formats of the schema. Each says its rule, checks a value and knows the cure of its common mistakes. */
export type FormatName =
  | "host"
  | "cidr"
  | "origin"
  | "host-pattern"
  | "http-url"
  | "webhook"
  | "webhook-secret"
  | "redis-url"
  | "postgres-url"
  | "path"
  | "id"
  | "domain"
  | "email"
  | "version"
  | "image"
  | "dns-label"
  | "user"
  | "absolute-path"
  | "route-path"
  | "line"
  | "hot-word"
  | "dashed-id"
  | "file-name"
  | "sha256"
  | "https-url";

export interface Format {
  readonly rule: string;
  readonly matches: (text: string) => boolean;
  readonly cure: (text: string) => string;
}

export const FORMATS: Readonly<Record<FormatName, Format>> = {
  host: {
    rule: "must be an IP address or a host name",
    matches: isHost,
    cure: (text) => {
      const bracketed = /^\[(.+)\](?::(\d+))?$/.exec(text);
      if (bracketed?.[1] !== undefined && isIP(bracketed[1]) === 6)
        return `write ${bracketed[1]} without brackets or port`;
      const withPort = /^(.+):(\d+)$/.exec(text);
      if (withPort?.[1] !== undefined && isHost(withPort[1])) {
        return `write ${withPort[1]} here and ${withPort[2]} in server.port`;
      }
      if (/^\w+:\/\//.test(text)) return "write the address alone, without a scheme";
      if (text === "*") return "write 0.0.0.0 for every IPv4 address or :: for IPv6 too";
      return "for example 127.0.0.1 or 0.0.0.0";
    },
  },
  cidr: {
    rule: "must be a network in CIDR notation",
    matches: isCidr,
    cure: (text) => {
      const family = isIP(text);
      if (family !== 0) return `for this one address write ${text}/${family === 4 ? 32 : 128}`;
      const slash = /^(.+)\/(\d+)$/.exec(text);
      if (slash?.[1] !== undefined && isIP(slash[1]) !== 0) {
        return `the prefix length goes to ${isIP(slash[1]) === 4 ? 32 : 128}`;
      }
      return "for example 10.0.0.0/8 or 127.0.0.1/32";
    },
  },
  origin: {
    rule: "must be an origin as browsers send it: scheme, host and port",
    matches: (text) => text === "null" || webOrigin(text) === text.toLowerCase() || appOrigin(text) === text,
    cure: (text) => {
      if (text === "*") return "to allow every page set server.corsAllowAny";
      const web = text.replace(/^ws(s?):\/\//i, "http$1://");
      const origin = appOrigin(text) ?? webOrigin(/^[\w+.-]+:\/\//.test(web) ? web : `https://${web}`);
      return origin === undefined ? "for example https://stt.example.com" : `write ${origin}`;
    },
  },
  "host-pattern": {
    rule: "must be a host name, or *. and a name",
    matches: (text) => isHostPattern(text),
    cure: (text) => {
      if (text === "*") return "list the hosts; to allow every page set server.corsAllowAny";
      const host = /^(?:[\w+.-]+:\/\/)?([^/:?#]+)/.exec(text)?.[1] ?? "";
      return isHostPattern(host) ? `write ${host}` : "for example stt.example.com";
    },
  },
  "http-url": {
    rule: "must be an http or https URL",
    matches: (text) => {
      const url = parseUrl(text);
      return url !== undefined && url.username === "" && url.password === "" && url.search === "" && url.hash === "";
    },
    cure: (text) => {
      const url = parseUrl(text);
      if (url !== undefined) return `write ${url.origin}${url.pathname} without user, query or fragment`;
      return parseUrl(`https://${text}`) === undefined
        ? "for example https://mirror.example.com/models"
        : `write https://${text}`;
    },
  },
  webhook: {
    rule: "must be an http or https URL",
    matches: (text) => parseUrl(text) !== undefined,
    cure: () => "for example https://ntfy.example.com/gigastt",
  },
  "webhook-secret": {
    rule: "must be whsec_ and the base64 of 24 to 64 bytes",
    matches: (text) => {
      const bytes = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1];
      if (bytes === undefined || bytes.length % 4 !== 0) return false;
      const { length } = Buffer.from(bytes, "base64");
      return length >= 24 && length <= 64;
    },
    cure: () => "make one with: echo whsec_$(openssl rand -base64 32)",
  },
  "redis-url": {
    rule: "must be a redis:// or rediss:// URL, or the absolute path of a socket file",
    matches: (text) =>
      /^(?:\/[A-Za-z0-9._-]+)+$/.test(text) ||
      (/^rediss?:\/\//.test(text) && URL.canParse(text) && new URL(text).hostname !== ""),
    cure: (text) =>
      /^[A-Za-z0-9.-]+:\d+$/.test(text) ? `write redis://${text}` : "for example redis://127.0.0.1:6379/0",
  },
  "postgres-url": {
    rule: "must be postgres://USER@HOST:PORT/DATABASE, without further options",
    matches: (text) => {
      if (!/^postgres(?:ql)?:\/\//.test(text) || !URL.canParse(text)) return false;
      const { hostname, username, pathname, search, hash } = new URL(text);
      return hostname !== "" && username !== "" && /^\/[^/]+$/.test(pathname) && search === "" && hash === "";
    },
    cure: () => "for example postgres://gigastt@127.0.0.1:5432/gigastt",
  },
  id: {
    rule: "must be a name of up to 64 letters, digits, dots, dashes and underscores",
    matches: (text) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text),
    cure: () => "see `gigastt models list`",
  },
  path: {
    rule: "must be a path",
    matches: (text) => text.trim() !== "" && !text.includes("\0"),
    cure: () => "for example /var/lib/gigastt",
  },
  // --- what is written into files of other programs: nothing that would need quoting there
  domain: {
    rule: "must be a host name with at least one dot, in lower case, not an address",
    matches: (text) => {
      const ascii = domainToASCII(text);
      const isName = isHost(ascii) && isIP(ascii) === 0 && ascii.includes(".") && text === text.toLowerCase();
      return isName && parseUrl(`https://${text}`)?.hostname === ascii && /^[\p{L}\p{M}\p{N}.-]+$/u.test(text);
    },
    cure: (text) => {
      const name = domainToUnicode(URL.canParse(text) ? new URL(text).hostname : text.toLowerCase());
      return isHost(domainToASCII(name)) && name.includes(".") && isIP(name) === 0
        ? `write ${name}`
        : "for example stt.example.com";
    },
  },
  email: {
    rule: "must be an e-mail address",
    matches: (text) => /^[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+$/.test(text),
    cure: () => "for example admin@example.com",
  },
  version: {
    rule: "must be a version such as 2.11.4, or auto",
    matches: (text) => text === "auto" || /^\d{1,5}\.\d{1,5}(?:\.\d{1,5})?$/.test(text),
    cure: (text) => {
      const found = /\d+\.\d+(?:\.\d+)?/.exec(text);
      return found === null ? 'for example "2.11.4" in quotes' : `write "${found[0]}" in quotes`;
    },
  },
  image: {
    rule: "must be an image reference with a tag or digest",
    matches: (text) =>
      /^[a-z0-9][a-z0-9._/:-]*(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/.test(text) &&
      /[:@][^/]*$/.test(text) &&
      !text.endsWith(":latest"),
    cure: (text) =>
      /^[a-z0-9._/-]+(?::latest)?$/.test(text) ? "add a fixed tag or @sha256 digest" : "for example caddy:2.11.4",
  },
  "dns-label": {
    rule: "must be 1 to 63 lower-case letters, digits and dashes, beginning and ending with a letter or digit",
    matches: (text) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text),
    cure: () => "for example gigastt",
  },
  user: {
    rule: "must be a system user name",
    matches: (text) => /^[a-z_][a-z0-9_-]{0,30}$/.test(text),
    cure: () => "for example gigastt",
  },
  "absolute-path": {
    rule: "must be an absolute path of letters, digits and ._-/ without ..",
    matches: (text) => /^(?:\/[A-Za-z0-9._-]+)+$/.test(text) && !text.split("/").includes(".."),
    cure: () => "for example /etc/gigastt/tls/server.pem",
  },
  "route-path": {
    rule: "must be an exact path of the server",
    matches: (text) => /^\/(?:[A-Za-z0-9._~-]+(?:\/[A-Za-z0-9._~-]+)*)?$/.test(text) && !isClosed(text),
    cure: (text) => (isClosed(text) ? "metrics cannot be public" : "for example /health"),
  },
  // --- of the model registry
  "hot-word": {
    rule: "must be a phrase, or a phrase, a colon and a boost from 0 to 10",
    matches: (text) => Array.isArray(parseHotWords([text])) && text.trim() !== "" && !/[,\n]/.test(text),
    cure: (text) => (text.includes(",") ? "write each phrase as an entry of its own" : "for example рекуператор:5"),
  },
  line: {
    rule: "must be text on one line",
    matches: (text) => /^[^\p{Cc}]+$/u.test(text),
    cure: () => "",
  },
  "dashed-id": {
    rule: "must be lower-case letters and digits, with single dashes between them",
    matches: (text) => /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(text),
    cure: () => "for example demo-ru-rnnt",
  },
  "file-name": {
    // Safe on every platform: no separator, no leading dot (stamps and parts are hidden files), no drive or stream colon.
    rule: "must be a plain file name of letters, digits, dots, dashes and underscores",
    matches: (text) => /^[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*$/.test(text),
    cure: () => "for example encoder.onnx",
  },
  sha256: {
    rule: "must be 64 hexadecimal digits in lower case",
    matches: (text) => /^[0-9a-f]{64}$/.test(text),
    cure: () => "",
  },
  "https-url": {
    rule: "must be an https address without password, query or fragment",
    matches: (text) => /^https:\/\/[^\s@?#]+$/.test(text) && URL.canParse(text),
    cure: () => "",
  },
};

/** Proxies answer 404 to these and to everything below them. */
function isClosed(path: string): boolean {
  return ALL_ROUTES.some((route) => route.access === "closed" && path.startsWith(route.path));
}

/** Returns true for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  return name === "localhost" || name === "::1" || (isIP(name) === 4 && name.startsWith("127."));
}

/** Returns the network a CIDR really means, host bits cleared: `10.1.2.3/8` → `10.0.0.0/8`. IPv6 is returned as it is. */
export function networkOf(cidr: string): string {
  const [address = "", prefix = ""] = cidr.split("/");
  if (isIP(address) !== 4) return cidr;
  const bits = Number(prefix);
  const value = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const block = 2 ** (32 - bits);
  const base = Math.floor(value / block) * block;
  return `${[24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256).join(".")}/${bits}`;
}

// ---

function isHost(text: string): boolean {
  if (isIP(text) !== 0) return true;
  // 1.2.3.4.5 and 300.1.1.1 are mistyped addresses, not names.
  if (text.length > 253 || /^[\d.]+$/.test(text)) return false;
  return text.split(".").every((label) => /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label));
}

/** Underscores too: Compose services and nginx upstreams have them. */
function isHostPattern(text: string): boolean {
  const name = /[/?#@:\\]/.test(text) ? "" : domainToASCII(text.replace(/^\*\./, ""));
  return name !== "" && name.length <= 253 && name.split(".").every((label) => /^[\w-]{1,63}$/.test(label));
}

function isCidr(text: string): boolean {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  if (match?.[1] === undefined || match[1].includes("%")) return false;
  const family = isIP(match[1]);
  return family !== 0 && Number(match[2]) <= (family === 4 ? 32 : 128);
}

function webOrigin(text: string): string | undefined {
  const url = parseUrl(text);
  return url === undefined || url.hostname.includes("*") ? undefined : url.origin;
}

/** The origin of a page of a browser extension or packaged application: app://obsidian.md, chrome-extension://abc. */
function appOrigin(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || /^(?:https?|wss?|ftp|file|data|blob|about|javascript):$/.test(url.protocol))
    return undefined;
  return /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i.test(url.hostname) ? `${url.protocol}//${url.host}` : undefined;
}

function parseUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.protocol === "http:" || url.protocol === "https:" ? url : undefined;
}
