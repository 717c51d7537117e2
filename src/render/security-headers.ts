import type { ResolvedConfig } from "../config/types.ts";
import type { Derived } from "../config/derived.ts";

/** One response header the proxy adds to every answer. */
export interface SecurityHeader {
  readonly name: string;
  readonly value: string;
}

/** Returns the response headers of the public service. The proxy owns them: whatever the server sends under these names is dropped. */
export function securityHeaders(config: ResolvedConfig, derived: Derived): readonly SecurityHeader[] {
  const headers: SecurityHeader[] = [];
  if (derived.proxy.hstsMaxAgeS > 0) {
    headers.push({ name: "Strict-Transport-Security", value: `max-age=${derived.proxy.hstsMaxAgeS}` });
  }
  headers.push(
    { name: "X-Content-Type-Options", value: "nosniff" },
    { name: "X-Frame-Options", value: "DENY" },
    { name: "Referrer-Policy", value: "no-referrer" },
    { name: "Permissions-Policy", value: permissions(config.deploy.console) },
    { name: "Content-Security-Policy", value: contentPolicy(config.deploy.console, derived.server.publicOrigin) },
  );
  return headers;
}

// ---

function permissions(console: boolean): string {
  return `camera=(), geolocation=(), payment=(), usb=(), microphone=${console ? "(self)" : "()"}`;
}

/** An API answers no documents, so nothing may load; the console's own files, its worker and its socket are the only exception. */
function contentPolicy(console: boolean, origin: string | undefined): string {
  const closed = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  if (!console) return `default-src 'none'; ${closed}`;
  // Older browsers do not take `self` for WebSocket: the literal address is the strict way to say it.
  const socket = origin === undefined ? "" : ` ${origin.replace(/^http/, "ws")}`;
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src 'self'${socket}`,
    "media-src 'self' blob:",
    "worker-src 'self' blob:",
    closed,
  ].join("; ");
}
