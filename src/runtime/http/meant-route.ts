import { ALL_ROUTES } from "../../shared/protocol.ts";
import type { RouteSpec } from "../../shared/protocol.ts";

/** Open routes without parameters, longest first, by the end of their path that every way to write it has. */
const BY_END: readonly (readonly [string, RouteSpec])[] = ALL_ROUTES.filter(
  ({ access, path, replacedBy }) => access !== "closed" && replacedBy === undefined && !/[{}]|\/$/.test(path),
)
  .map((route) => [route.path.replace(/^\/v1(?=\/)/, ""), route] as const)
  .sort(([a], [b]) => b.length - a.length);

/** Returns the route that an unknown path was meant to be: a client's base URL lacks `/v1`, has it twice, has another prefix or a slash too many. */
export function meantRoute(path: string): RouteSpec | undefined {
  const asked = path
    .toLowerCase()
    .replaceAll(/\/{2,}/g, "/")
    .replace(/\/$/, "");
  return BY_END.find(([end]) => asked.endsWith(end))?.[1];
}
