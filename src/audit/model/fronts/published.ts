import { yamlAt, yamlText } from "../../parse/yaml.ts";
import { isLoopbackHost } from "../address.ts";
import { imageName } from "../app.ts";
import type { ComposeService } from "../compose.ts";

/** Says whether other machines reach a port on which a program listens. */
export type IsReached = (host: string, port: number | undefined) => boolean;

/** Returns the check for a program: by the ports of its containers, where the tree has any, else by the address that it binds. */
export function reachedThrough(services: readonly ComposeService[], image: RegExp): IsReached {
  const containers = services.filter((service) => image.test(imageName(service.image)));
  const isContained =
    containers.length > 0 && containers.every(({ node }) => yamlText(yamlAt(node, "network_mode")) !== "host");
  const open = new Set(
    containers
      .flatMap(({ ports }) => ports)
      .filter(({ hostIp }) => hostIp === undefined || !isLoopbackHost(hostIp))
      .map(({ target }) => target),
  );
  return (host, port) => !isLoopbackHost(host) && (!isContained || open.has(port));
}
