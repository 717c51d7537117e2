/**
 * What an answer that is not a page may do: nothing. The server sends it with every answer but its page, whose policy has a nonce; proxies
 * add it to answers of their own.
 */
export const CLOSED_POLICY: Readonly<Record<"Permissions-Policy" | "Content-Security-Policy", string>> = {
  "Permissions-Policy": "camera=(), geolocation=(), payment=(), usb=(), microphone=()",
  "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};
