import type { CrossFinding, CrossRule } from "./rule.ts";
import { isLoopback } from "../schema/formats.ts";
import { isAllLocal, listenersOf } from "../listeners.ts";
import { LISTENERS } from "../../shared/listeners.ts";
import type { ListenerSpec } from "../../shared/listeners.ts";
import type { ResolvedConfig } from "../types.ts";

const PROXY_KEYS = ["deploy.proxy.kind", "deploy.httpPort", "deploy.httpsPort"] as const;

/** Rules over the addresses of all listeners. */
export const LISTENER_RULES: readonly CrossRule[] = [
  ...LISTENERS.map(bindGuard),
  ...LISTENERS.map(ownPort),
  ...LISTENERS.filter(({ takesKeys }) => !takesKeys).map(keyGuard),
  {
    severity: "warning",
    says: "`server.allowBindAny` is on while every host is loopback.",
    keys: ["server.allowBindAny", ...LISTENERS.flatMap(addressKeys)],
    check: (config) =>
      config.server.allowBindAny && isAllLocal(config)
        ? {
            rule: `has no effect while server.host is ${config.server.host}`,
            cure: "delete it, so that a later change of host is checked again",
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`wyoming.zeroconf` announces an address that other machines cannot reach.",
    keys: ["wyoming.zeroconf", "wyoming.enabled", "wyoming.host", "wyoming.socket", "wyoming.advertise"],
    check: ({ wyoming }) =>
      wyoming.enabled && wyoming.zeroconf && (wyoming.socket !== undefined || isLoopback(wyoming.host))
        ? {
            rule: "has no effect: Wyoming listens for this machine alone",
            cure: "set wyoming.host: 0.0.0.0 and server.allowBindAny: true, or delete wyoming.zeroconf",
          }
        : undefined,
  },
];

// ---

/** An open address needs the permission. */
function bindGuard(spec: ListenerSpec): CrossRule {
  const { section, name } = spec;
  return {
    severity: "error",
    says: `A \`${section}.host\` other than loopback needs \`server.allowBindAny\`.`,
    keys: [`${section}.host`, ...switches(spec), "server.allowBindAny"],
    check: (config) => {
      const place = listenersOf(config).find((listener) => listener.name === name)?.place;
      return place === undefined || "socket" in place || isLoopback(place.host) || config.server.allowBindAny
        ? undefined
        : {
            rule: "must be a loopback address while server.allowBindAny is false",
            found: `"${place.host}"`,
            cure: "set server.allowBindAny: true if a firewall or proxy protects it, or host: 127.0.0.1",
          };
    },
  };
}

/** Where keys are required, an open port that cannot ask for one needs a permission of its own. */
function keyGuard(spec: ListenerSpec): CrossRule {
  const { section, name } = spec;
  return {
    severity: "error",
    says: `With \`auth.keys: required\`, a \`${section}.host\` other than loopback needs \`${section}.allowWithoutKey\`: its protocol carries no keys.`,
    keys: [`${section}.host`, ...switches(spec), `${section}.allowWithoutKey`, "auth.keys"],
    check: (config) => {
      const found = listenersOf(config).find((listener) => listener.name === name);
      if (config.auth.keys === "off" || found === undefined || found.isAllowedWithoutKey) return undefined;
      const { place } = found;
      return "socket" in place || isLoopback(place.host)
        ? undefined
        : {
            rule: "must be a loopback address while auth.keys is required: this protocol carries no keys, so anyone who reaches the port could use it",
            found: `"${place.host}"`,
            cure: `set host: 127.0.0.1, or ${section}.allowWithoutKey: true if a firewall protects the port`,
          };
    },
  };
}

/** No two listeners, and none and a proxy on this machine, share a port. */
function ownPort(spec: ListenerSpec, index: number): CrossRule {
  const key = `${spec.section}.port`;
  const earlier = LISTENERS.slice(0, index);
  return {
    severity: "error",
    says: `\`${key}\` is not the port of ${[...earlier.map(({ section }) => `\`${section}.port\``), "the proxy on the same machine"].join(" or of ")}.`,
    keys: [key, ...switches(spec), ...earlier.flatMap(addressKeys), ...PROXY_KEYS],
    check: (config) => {
      const port = portOf(config, spec);
      if (port === undefined || port === 0) return undefined;
      const other = earlier.find((one) => portOf(config, one) === port);
      if (other !== undefined) return taken(port, key, `the port of ${other.section}.port too`, spec);
      const isProxys = proxyPorts(config).includes(port);
      return isProxys ? taken(port, key, "the proxy's port on the same machine", spec) : undefined;
    },
  };
}

function proxyPorts({ deploy }: ResolvedConfig): readonly number[] {
  if (deploy.target !== "host" || deploy.proxy.kind === "none") return [];
  return [deploy.httpPort, ...(deploy.tls.mode === "none" ? [] : [deploy.httpsPort])];
}

function taken(port: number, key: string, what: string, { defaultPort }: ListenerSpec): CrossFinding {
  return {
    rule: `must not be ${what}`,
    found: String(port),
    cure: `give ${key} another number, ${defaultPort} is usual`,
  };
}

function portOf(config: ResolvedConfig, { name }: ListenerSpec): number | undefined {
  const place = listenersOf(config).find((listener) => listener.name === name)?.place;
  return place === undefined || "socket" in place ? undefined : place.port;
}

/** Keys that decide whether the listener uses its host and port. */
function switches({ section, isOptional, hasSocket }: ListenerSpec): readonly string[] {
  return [...(isOptional ? [`${section}.enabled`] : []), ...(hasSocket ? [`${section}.socket`] : [])];
}

function addressKeys(spec: ListenerSpec): readonly string[] {
  return [`${spec.section}.host`, `${spec.section}.port`, ...switches(spec)];
}
