/** Variables of the Rust gigastt server whose setting has another variable here. Both names work, and so do the flags of these names. */
export const FORMER_VARIABLES: Readonly<Record<string, string>> = {
  GIGASTT_BIND_ALL: "server.allowBindAny",
  GIGASTT_ALLOW_ORIGIN: "server.allowedOrigins",
  GIGASTT_CORS_ALLOW_ANY: "server.corsAllowAny",
};

/** They let more clients in: never proposed to a person who may have meant another setting. */
export const OPENING_KEYS: ReadonlySet<string> = new Set([
  "server.allowBindAny",
  "server.corsAllowAny",
  "server.trustedProxies",
]);
