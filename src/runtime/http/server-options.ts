import type { ServerOptions } from "node:http";

/** How often Node looks for requests that broke their time limits, at most. */
const TIMEOUT_CHECK_MS = 5000;

/** Options of every HTTP server of the runtime that Node takes only before it listens. */
export function serverOptions(headersTimeoutMs: number): ServerOptions {
  return {
    connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, headersTimeoutMs / 2),
    // Answered by the pipeline, with a body and a request id.
    requireHostHeader: false,
  };
}
