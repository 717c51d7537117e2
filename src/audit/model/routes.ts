/** One route of the server as the audit needs to know it. */
export interface ServerRoute {
  readonly path: string;
  /** What passes through it: decides timers, buffering and limits. */
  readonly traffic: "status" | "rest" | "sse" | "websocket" | "metrics";
}

/** The routes behind a proxy. Kept next to docs/reference/http.md by a test. */
export const SERVER_ROUTES: readonly ServerRoute[] = [
  { path: "/health", traffic: "status" },
  { path: "/ready", traffic: "status" },
  { path: "/metrics", traffic: "metrics" },
  { path: "/v1/models", traffic: "status" },
  { path: "/v1/transcribe", traffic: "rest" },
  { path: "/v1/transcribe/stream", traffic: "sse" },
  { path: "/v1/ws", traffic: "websocket" },
  { path: "/ws", traffic: "websocket" },
];

/** Paths that a probe may ask. */
export const HEALTH_PATHS: ReadonlySet<string> = new Set(["/health", "/ready"]);
