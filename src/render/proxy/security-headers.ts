import { CLOSED_POLICY } from "../../shared/closed-policy.ts";
import type { Derived } from "../../config/derived.ts";

/** One response header the proxy adds to every answer. */
export interface SecurityHeader {
  readonly name: string;
  readonly value: string;
}

/** Returns the headers that the proxy owns on every answer of the public service: whatever the server sends under these names is dropped. */
export function securityHeaders(derived: Derived): readonly SecurityHeader[] {
  const { hstsMaxAgeS } = derived.proxy;
  return [
    ...(hstsMaxAgeS > 0 ? [{ name: "Strict-Transport-Security", value: `max-age=${hstsMaxAgeS}` }] : []),
    { name: "X-Content-Type-Options", value: "nosniff" },
    { name: "X-Frame-Options", value: "DENY" },
    { name: "Referrer-Policy", value: "no-referrer" },
  ];
}

/** Headers that the proxy adds to answers of its own, such as 401 or 502. The server's pass unchanged: only it knows the nonce of its page. */
export const FALLBACK_HEADERS: readonly SecurityHeader[] = Object.entries(CLOSED_POLICY).map(([name, value]) => ({
  name,
  value,
}));
