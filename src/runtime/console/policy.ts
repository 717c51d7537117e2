/**
 * Returns the headers that say what the page may do. The server owns them for its page, because only it knows the nonce; proxies pass them on.
 *
 * @param nonce of this answer alone: for the styles that the waveform brings
 * @param frameOrigins pages that may show this one in a frame
 */
export function pagePolicy(nonce: string, frameOrigins: readonly string[]): Readonly<Record<string, string>> {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "connect-src 'self'",
    // What a person dropped is played from memory.
    "media-src 'self' blob:",
    "worker-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    `frame-ancestors ${frameOrigins.length === 0 ? "'none'" : frameOrigins.join(" ")}`,
  ];
  return {
    "content-security-policy": policy.join("; "),
    "permissions-policy": "camera=(), geolocation=(), payment=(), usb=(), microphone=(self)",
    "cross-origin-opener-policy": "same-origin",
    // Browsers that know frame-ancestors ignore it.
    ...(frameOrigins.length === 0 ? { "x-frame-options": "DENY" } : {}),
  };
}
