import type { RouteSpec } from "./protocol.ts";

/** What a key may be used for. */
export const SCOPES = ["transcribe", "live", "jobs", "archive", "metrics", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** Name of the query parameter that holds a key, where `auth.queryParameter` allows it. */
export const KEY_PARAMETER = "api_key";
/** A browser cannot send headers with a WebSocket: the key follows one of these in the list of subprotocols. */
export const KEY_SUBPROTOCOLS: readonly string[] = ["gigastt-api-key.", "openai-insecure-api-key."];

/** Returns the scopes of which a key needs one to use a route; undefined where no key is asked for: probes, and the page, which asks with its own requests. */
export function scopesFor(route: Pick<RouteSpec, "traffic" | "face">): readonly Scope[] | undefined {
  switch (route.traffic) {
    case "probe":
    case "page":
      return undefined;
    case "metrics":
      return ["metrics", "admin"];
    case "websocket":
      return ["live"];
    case "status":
      return route.face === "jobs" ? ["jobs"] : route.face === "archive" ? ["archive", "admin"] : SCOPES;
    default:
      return [route.face === "jobs" ? "jobs" : "transcribe"];
  }
}
