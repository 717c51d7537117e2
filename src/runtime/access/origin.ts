import type { ServerConfig } from "../../config/types.ts";

/** What an `Origin` header means: not a browser, allowed (with the value to echo), or refused. */
export type OriginVerdict =
  | { readonly allowed: true; readonly allowOrigin: string | undefined }
  | { readonly allowed: false };

const LOOPBACK = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

/**
 * The origin policy. No header: not a browser, allowed without CORS headers. Loopback origins of any port and listed origins
 * are echoed; scheme, host and port are compared exactly, case aside. `null` (a sandboxed frame) is refused unless listed.
 */
export function judgeOrigin(
  origin: string | undefined,
  policy: Pick<ServerConfig, "allowedOrigins" | "corsAllowAny">,
): OriginVerdict {
  if (origin === undefined) return { allowed: true, allowOrigin: undefined };
  if (policy.corsAllowAny) return { allowed: true, allowOrigin: "*" };
  if (LOOPBACK.test(origin)) return { allowed: true, allowOrigin: origin };
  const wanted = withoutDefaultPort(origin.toLowerCase());
  const listed = policy.allowedOrigins.some((entry) => withoutDefaultPort(entry.toLowerCase()) === wanted);
  return listed ? { allowed: true, allowOrigin: origin } : { allowed: false };
}

/** CORS headers for an allowed browser origin; none for anybody else. */
export function corsHeaders(verdict: OriginVerdict): Record<string, string> {
  if (!verdict.allowed || verdict.allowOrigin === undefined) return {};
  return {
    "access-control-allow-origin": verdict.allowOrigin,
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-allow-headers": "Authorization, Content-Type, X-Request-Id",
    "access-control-expose-headers": "Retry-After, X-Request-Id",
    "access-control-max-age": "600",
    vary: "Origin",
  };
}

/** Browsers leave the default port out; a listed `https://a.example:443` means the same origin. */
function withoutDefaultPort(origin: string): string {
  if (origin.startsWith("https://")) return origin.replace(/:443$/, "");
  if (origin.startsWith("http://")) return origin.replace(/:80$/, "");
  return origin;
}
