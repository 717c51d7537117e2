import { scopesFor } from "../../shared/api-keys.ts";
import type { RouteSpec } from "../../shared/protocol.ts";

/** How a key is sent, in the words that OpenAPI and AsyncAPI share. */
export const SECURITY_SCHEMES: Readonly<Record<string, object>> = {
  bearer: {
    type: "http",
    scheme: "bearer",
    description: "An API key. It is asked for where auth.keys is required, or by the proxy.",
  },
  basic: { type: "http", scheme: "basic", description: "The same key as the password, with any user name." },
};

/** Returns the `security` of a route in OpenAPI: whether a key is asked for depends on the configuration. */
export function securityOf(route: RouteSpec): readonly object[] {
  if (scopesFor(route) === undefined) return [];
  return [{}, ...Object.keys(SECURITY_SCHEMES).map((name) => ({ [name]: [] }))];
}
