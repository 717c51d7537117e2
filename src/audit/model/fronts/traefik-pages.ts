import { parseAddress } from "../address.ts";
import type { FrontPage } from "./front.ts";
import type { IsReached } from "./published.ts";
import { bare, chainOf, listOf } from "./traefik-chain.ts";
import type { TraefikSetting } from "./traefik-settings.ts";

const DEFAULT_PORT = 8080;
const ASKS = /^(?:basicauth|digestauth|forwardauth|ipallowlist|ipwhitelist|plugin)\b/;

/** Returns the dashboards of a Traefik that ask for no password. Nothing there changes what Traefik does. */
export function traefikPages(settings: readonly TraefikSetting[], isReached: IsReached): readonly FrontPage[] {
  return [...insecureApi(settings, isReached), ...openRouters(settings, isReached)];
}

// ---

function insecureApi(settings: readonly TraefikSetting[], isReached: IsReached): readonly FrontPage[] {
  const insecure = settings.find(({ key, value }) => key === "api.insecure" && value.toLowerCase() === "true");
  const { host, port } = addressOf(settings, "traefik");
  if (insecure === undefined || !isReached(host, port ?? DEFAULT_PORT)) return [];
  return [
    {
      span: insecure.span,
      what: `api.insecure serves the dashboard on port ${port ?? DEFAULT_PORT}`,
      fix: "Delete it; give the dashboard a router with `service: api@internal` and a basicAuth middleware, or bind the port to 127.0.0.1.",
      canChange: false,
    },
  ];
}

function openRouters(settings: readonly TraefikSetting[], isReached: IsReached): readonly FrontPage[] {
  return settings.flatMap(({ key, value, span }): readonly FrontPage[] => {
    const router = /^http\.routers\.([^.]+)\.service$/.exec(key)?.[1];
    if (router === undefined || value.toLowerCase() !== "api@internal") return [];
    const get = (name: string): string | undefined =>
      settings.find((item) => item.key === `http.routers.${router}.${name}`)?.value;
    const points = listOf(get("entrypoints")).map(bare);
    const names = [
      ...listOf(get("middlewares")),
      ...points.flatMap((point) =>
        listOf(settings.find((item) => item.key === `entrypoints.${point}.http.middlewares`)?.value),
      ),
    ];
    const chain = chainOf(settings, names);
    const isGuarded =
      !chain.isWhole || chain.settings.some(({ name }) => ASKS.test(name)) || get("tls.options") !== undefined;
    const isOpen =
      points.length === 0 ||
      points.some((point) => {
        const { host, port } = addressOf(settings, point);
        // Where its address is not among the files, nothing says that it is closed.
        return port === undefined || isReached(host, port);
      });
    if (isGuarded || !isOpen) return [];
    return [
      {
        span,
        what: `the router ${router} serves the dashboard without a password`,
        fix: "Give it a middleware with basicAuth or ipAllowList.",
        canChange: false,
      },
    ];
  });
}

function addressOf(
  settings: readonly TraefikSetting[],
  point: string,
): { readonly host: string; readonly port: number | undefined } {
  const address = settings.find(({ key }) => key === `entrypoints.${point}.address`)?.value;
  return parseAddress((address ?? "").replace(/\/(?:tcp|udp)$/, ""));
}
