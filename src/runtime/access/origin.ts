import type { IncomingHttpHeaders } from "node:http";
import type { ServerConfig } from "../../config/types.ts";

/** What an `Origin` header means: not a browser, allowed (with the value to echo), or refused. */
export type OriginVerdict =
  | { readonly allowed: true; readonly allowOrigin: string | undefined }
  | { readonly allowed: false };

const LOOPBACK = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

/**
 * The origin policy. No header: not a browser, allowed without CORS headers. Loopback origins of any port, the server's own and listed origins
 * are echoed; scheme, host and port are compared exactly, ignoring case. `null` (a sandboxed frame) is refused unless listed.
 *
 * @param own the origin under which the request addressed this server, its name already checked
 */
export function checkOrigin(
  origin: string | undefined,
  policy: Pick<ServerConfig, "allowedOrigins" | "corsAllowAny">,
  own?: string,
): OriginVerdict {
  if (origin === undefined) return { allowed: true, allowOrigin: undefined };
  if (policy.corsAllowAny) return { allowed: true, allowOrigin: "*" };
  if (LOOPBACK.test(origin)) return { allowed: true, allowOrigin: origin };
  const wanted = withoutDefaultPort(origin.toLowerCase());
  const known = own === undefined ? policy.allowedOrigins : [own, ...policy.allowedOrigins];
  return known.some((entry) => withoutDefaultPort(entry.toLowerCase()) === wanted)
    ? { allowed: true, allowOrigin: origin }
    : { allowed: false };
}

/**
 * CORS headers for an allowed browser origin; none otherwise.
 *
 * @param methods of the route, beyond GET and POST
 * @param request of a preflight: header names it asks for are granted, because its origin is trusted already
 */
export function corsHeaders(
  verdict: OriginVerdict,
  methods: readonly string[] = [],
  request: IncomingHttpHeaders = {},
): Record<string, string> {
  if (!verdict.allowed || verdict.allowOrigin === undefined) return {};
  const asked = request["access-control-request-headers"];
  return {
    "access-control-allow-origin": verdict.allowOrigin,
    "access-control-allow-methods": [...new Set(["GET", "POST", ...methods, "OPTIONS"])].join(", "),
    "access-control-allow-headers": headerNames(asked).join(", "),
    "access-control-expose-headers":
      "Location, Retry-After, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Expires, Upload-Length, Upload-Offset, X-Request-Id",
    "access-control-max-age": "600",
    // Browsers ask so before a public page may reach an address of the home network.
    ...(request["access-control-request-private-network"] === "true"
      ? { "access-control-allow-private-network": "true" }
      : {}),
    vary: asked === undefined ? "Origin" : "Origin, Access-Control-Request-Headers",
  };
}

// ---

const ALWAYS_GRANTED: readonly string[] = ["Authorization", "Content-Type", "X-Request-Id"];
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

function headerNames(asked: string | undefined): readonly string[] {
  const known = new Set(ALWAYS_GRANTED.map((name) => name.toLowerCase()));
  const more = (asked?.toLowerCase().split(",") ?? []).map((name) => name.trim());
  return [...ALWAYS_GRANTED, ...new Set(more.filter((name) => TOKEN.test(name) && !known.has(name)))];
}

/** Browsers leave the default port out; a listed `https://a.example:443` means the same origin. */
function withoutDefaultPort(origin: string): string {
  if (origin.startsWith("https://")) return origin.replace(/:443$/, "");
  if (origin.startsWith("http://")) return origin.replace(/:80$/, "");
  return origin;
}
