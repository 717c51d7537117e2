import type { YamlNode } from "../../parse/yaml.ts";
import { yamlAt, yamlText } from "../../parse/yaml.ts";
import type { Span } from "../../source.ts";
import type { ComposeService } from "../compose.ts";
import { commandWords } from "../compose.ts";
import { environment } from "../environment.ts";
import { imageName } from "../app.ts";
import type { KubeObject } from "../kubernetes.ts";

/** One setting of Traefik, wherever it is written: a file, a label, a flag. */
export interface TraefikSetting {
  /** In lower case, without `traefik.`: `http.middlewares.gz.compress`. */
  readonly key: string;
  readonly value: string;
  readonly span: Span;
  /** The service that carries the label. */
  readonly owner: ComposeService | undefined;
}

/** Returns the settings of a static or dynamic file: its tree as dotted keys, below `under`. A list of plain values is one value with commas. */
export function fileSettings(root: YamlNode, under = ""): readonly TraefikSetting[] {
  const found: TraefikSetting[] = [];
  const visit = (node: YamlNode, key: string): void => {
    if (node.kind === "map") {
      if (node.entries.size === 0) found.push({ key, value: "", span: node, owner: undefined });
      for (const [name, { value }] of node.entries) visit(value, key === "" ? lower(name) : `${key}.${lower(name)}`);
    } else if (node.kind === "seq" && node.items.some(({ kind }) => kind !== "scalar")) {
      for (const [i, item] of node.items.entries()) visit(item, `${key}[${i}]`);
    } else {
      const value = node.kind === "seq" ? node.items.map(({ text }) => text).join(",") : (yamlText(node) ?? "");
      found.push({ key, value, span: node, owner: undefined });
    }
  };
  visit(root, under);
  return found;
}

/** Returns what a service says about Traefik: its labels, and the flags and variables of Traefik itself. */
export function serviceSettings(service: ComposeService): readonly TraefikSetting[] {
  // A swarm reads those below `deploy`.
  const nodes = [yamlAt(service.node, "labels"), yamlAt(service.node, "deploy", "labels")];
  const labels = nodes
    .flatMap(pairsOf)
    .flatMap(({ text, span }) => split(text, /^traefik\.([^=]+)(?:=([^]*))?$/i, span, service));
  if (!isTraefik(service)) return labels;
  const command = yamlAt(service.node, "command");
  const flags =
    command?.kind === "scalar"
      ? commandWords(command).words.map((text) => ({ text, span: command }))
      : (command?.items ?? []).map((span) => ({ text: service.project.text(span) ?? "", span }));
  // TRAEFIK_API_INSECURE: the same keys, with underscores for dots.
  const variables = environment(service).filter(({ name }) => name.startsWith("TRAEFIK_"));
  return [
    ...labels,
    ...flags.flatMap(({ text, span }) => split(text, FLAG, span, undefined)),
    ...variables.map(({ name, value = "", span }) => ({
      key: lower(name.slice("TRAEFIK_".length).replaceAll("_", ".")),
      value,
      span,
      owner: undefined,
    })),
  ];
}

const FLAG = /^--([^=]+)(?:=([^]*))?$/;

/** Returns what Traefik's own Kubernetes objects say, as a dynamic file would. */
export function objectSettings({ kind, name, node }: KubeObject): readonly TraefikSetting[] {
  const spec = yamlAt(node, "spec");
  if (kind === "Middleware" && spec !== undefined) return fileSettings(spec, `http.middlewares.${lower(name)}`);
  if (kind !== "IngressRoute") return [];
  const names = (list: YamlNode | undefined): string =>
    (list?.items ?? []).map((item) => yamlText(yamlAt(item, "name")) ?? yamlText(item) ?? "").join(",");
  return (yamlAt(spec, "routes")?.items ?? []).flatMap((route, i) => {
    const router = lower(`${name}-${i}`);
    const rule = yamlAt(route, "match");
    if (rule === undefined) return [];
    const put = (key: string, value: string): TraefikSetting => ({ key, value, span: rule, owner: undefined });
    const isOwn = (yamlAt(route, "services")?.items ?? []).some(
      (service) => yamlText(yamlAt(service, "name")) === "api@internal",
    );
    return [
      put(`http.routers.${router}.rule`, yamlText(rule) ?? ""),
      put(`http.routers.${router}.service`, isOwn ? "api@internal" : router),
      put(`http.routers.${router}.middlewares`, names(yamlAt(route, "middlewares"))),
      put(`http.routers.${router}.entrypoints`, names(yamlAt(spec, "entryPoints"))),
      ...(yamlAt(route, "services")?.items ?? []).map((service, n) =>
        put(
          `http.services.${router}.loadbalancer.servers[${n}].url`,
          `http://${yamlText(yamlAt(service, "name")) ?? ""}:${yamlText(yamlAt(service, "port")) ?? ""}`,
        ),
      ),
    ];
  });
}

/** Returns true for a service that runs Traefik. */
export function isTraefik({ image }: ComposeService): boolean {
  return imageName(image) === "traefik";
}

// ---

function pairsOf(node: YamlNode | undefined): readonly { readonly text: string; readonly span: Span }[] {
  if (node?.kind === "map")
    return [...node.entries].map(([key, { value }]) => ({ text: `${key}=${yamlText(value) ?? ""}`, span: value }));
  return (node?.items ?? []).map((item) => ({ text: yamlText(item) ?? "", span: item }));
}

function split(
  text: string,
  pattern: RegExp,
  span: Span,
  owner: ComposeService | undefined,
): readonly TraefikSetting[] {
  const match = pattern.exec(text);
  return match === null ? [] : [{ key: lower(match[1] ?? ""), value: match[2] ?? "true", span, owner }];
}

function lower(text: string): string {
  return text.toLowerCase();
}
