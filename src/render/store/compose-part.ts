import { serverService } from "../compose/server.ts";
import type { Yaml } from "../compose/service.ts";
import type { RenderInput } from "../target.ts";
import type { Remark } from "../text/yaml.ts";
import { APP_NAME, type StoreApp } from "./app.ts";

/** Returns the server's service for stores that take a compose file. `source`: the volume's name or folder on the host. */
export function storeService(
  input: RenderInput,
  app: StoreApp,
  options: {
    readonly ports: readonly number[];
    readonly source: (volume: string) => string;
    readonly uid?: number;
    readonly restart?: string;
  },
): Yaml {
  const ports = options.ports.length > 0 ? { ports: options.ports.map((port) => `${port}:${port}`) } : {};
  return {
    ...serverService(input, ports, options),
    environment: Object.fromEntries(
      // Compose reads `$` as the start of a variable.
      Object.entries(app.environment).map(([name, value]) => [name, value.replaceAll("$", "$$$$")]),
    ),
    ...(app.volumes.length === 0
      ? {}
      : {
          volumes: app.volumes.map(
            ({ name, path, isReadOnly }) => `${options.source(name)}:${path}${isReadOnly ? ":ro" : ""}`,
          ),
        }),
  };
}

/** Returns networks and volumes of a store's compose file that stands alone. */
export function storeProject({ config }: RenderInput, app: StoreApp): Yaml {
  return {
    // With IPv6 clients keep their own address, by which the server counts.
    networks: { default: { enable_ipv6: true, ipam: { config: [{ subnet: config.deploy.compose.subnet6 }] } } },
    // A named volume takes its owner from the image; a folder on the host would belong to root.
    ...(app.volumes.length === 0 ? {} : { volumes: Object.fromEntries(app.volumes.map(({ name }) => [name, {}])) }),
  };
}

/** Why the audit's finding about a published port does not count in a store's file: written above the port. */
export const PUBLISHED_PORT: Remark = [
  ["services", APP_NAME, "ports", 0],
  " gigastt-audit ignore[GA-EXP-001] a home server offers its apps by port, and this one asks for API keys",
];
