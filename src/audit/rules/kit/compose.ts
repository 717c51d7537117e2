import type { ComposeProject, ComposeService } from "../../model/compose.ts";
import { buildFile, commandWords } from "../../model/compose.ts";
import type { Facts } from "../../model/facts.ts";
import { imageName } from "../../model/app.ts";
import type { YamlNode } from "../../parse/yaml.ts";
import { yamlAt, yamlText } from "../../parse/yaml.ts";
import type { DockerfileParse } from "../../parse/dockerfile.ts";
import { baseName, dirName, joinPath } from "../../tree.ts";

/** A reverse proxy by its image or name. */
export function isProxyService(service: ComposeService): boolean {
  return proxyKind(service) !== undefined;
}

export function proxyKind(service: ComposeService): "nginx" | "caddy" | "other" | undefined {
  const name = imageName(service.image);
  if (/nginx|openresty/.test(name)) return "nginx";
  if (/caddy/.test(name)) return "caddy";
  if (/traefik|haproxy|envoy/.test(name)) return "other";
  if (service.image === "" && /^(?:nginx|caddy|proxy|reverse-proxy)$/.test(service.name))
    return /nginx/.test(service.name) ? "nginx" : /caddy/.test(service.name) ? "caddy" : "other";
  return undefined;
}

/** Neither the server nor a proxy, in a project that has the server: home automation and media beside it need what they need. */
export function isBystander(facts: Facts, service: ComposeService): boolean {
  return (
    !facts.app.isService(service) &&
    !isProxyService(service) &&
    service.project.services.some((other) => facts.app.isService(other))
  );
}

/** Host paths a service mounts, as paths in the tree. */
export function mountedFiles(
  service: ComposeService,
): readonly { readonly path: string; readonly target: string; readonly node: YamlNode }[] {
  return (yamlAt(service.node, "volumes")?.items ?? []).flatMap((node) => {
    if (node.kind === "map") {
      const source = service.project.text(yamlAt(node, "source"));
      const target = yamlText(yamlAt(node, "target"));
      return source === undefined || target === undefined
        ? []
        : [{ path: joinPath(service.project.folder, source), target, node }];
    }
    const parts = (service.project.text(node) ?? "").split(":");
    const [source, target] = parts;
    return source === undefined || target === undefined || !/^[./~]/.test(source)
      ? []
      : [{ path: joinPath(service.project.folder, source), target, node }];
  });
}

/** Proxy containers that run a given configuration file: by mount, else the only proxy of its kind in the folder. */
export function proxiesRunning(facts: Facts, path: string, kind: "nginx" | "caddy"): readonly ComposeService[] {
  const candidates = facts.services.filter((service) => proxyKind(service) === kind);
  const mounted = candidates.filter((service) =>
    mountedFiles(service).some((mount) => path === mount.path || path.startsWith(`${mount.path}/`)),
  );
  if (mounted.length > 0) return mounted;
  // A mount of another file says that this one is not used here.
  return candidates.filter((service) => {
    const near =
      dirName(path) === service.project.folder ||
      dirName(path).startsWith(service.project.folder) ||
      path === service.project.files[0]?.path;
    return (
      near &&
      !mountedFiles(service).some(
        (mount) => facts.tree.exists(mount.path) || /caddyfile|nginx|\.conf/i.test(baseName(mount.path)),
      )
    );
  });
}

/** The Dockerfile a service is built from, when it is among the audited files. */
export function dockerfileOf(facts: Facts, service: ComposeService): DockerfileParse | undefined {
  return buildFile(service, facts.dockerfiles);
}

/** Name of a project's app services; the project that holds them. */
export function projectsWithApp(facts: Facts): readonly ComposeProject[] {
  return facts.compose.filter((project) => project.services.some((service) => facts.app.isService(service)));
}

/** Health test words of a service: `CMD`/`CMD-SHELL` removed; undefined when there is none or it is disabled. */
export function healthTest(
  service: ComposeService,
): { readonly words: readonly string[]; readonly node: YamlNode } | undefined {
  const node = yamlAt(service.node, "healthcheck", "test");
  if (!node) return undefined;
  const { words } = commandWords(node);
  return { words: words[0] === "CMD" || words[0] === "CMD-SHELL" ? words.slice(1) : words, node };
}
