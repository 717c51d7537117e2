// The environment variables a container or unit starts with, each with the place that sets it.
import type { DockerfileParse } from "../parse/dockerfile.ts";
import { dotenvValues, parseDotenv } from "../parse/dotenv.ts";
import { yamlAt, yamlEntrySpan, yamlText } from "../parse/yaml.ts";
import type { Source, Span } from "../source.ts";
import type { FileTree } from "../tree.ts";
import { dirName, joinPath } from "../tree.ts";
import type { ComposeService } from "./compose.ts";
import type { KubeContainer, KubeObject } from "./kubernetes.ts";
import type { Unit } from "./units.ts";

export interface EnvironmentEntry {
  readonly name: string;
  /** After interpolation; undefined when the value comes from outside the files. */
  readonly value: string | undefined;
  /** As written. */
  readonly raw: string | undefined;
  readonly span: Span;
}

/** Returns the `environment` of a service, in list and map form. */
export function environment(service: ComposeService): readonly EnvironmentEntry[] {
  const node = yamlAt(service.node, "environment");
  if (node?.kind === "seq") {
    return node.items.flatMap((item): EnvironmentEntry[] => {
      const raw = yamlText(item);
      if (raw === undefined) return [];
      const [name, own] = splitAssignment(raw);
      const text = service.project.text(item);
      return [
        { name, raw: own, value: own === undefined ? undefined : text?.slice(text.indexOf("=") + 1), span: item },
      ];
    });
  }
  return [...(node?.entries ?? [])].map(([name, entry]) => ({
    name,
    raw: yamlText(entry.value),
    value: service.project.text(entry.value),
    span: {
      source: entry.key.source,
      start: entry.key.start,
      end: Math.max(entry.key.end, entry.value.source === entry.key.source ? entry.value.end : 0),
    },
  }));
}

/** Returns all variables of a service, the weakest first: its image's ENV, its env files, its `environment`. */
export function serviceVariables(
  service: ComposeService,
  dockerfile: DockerfileParse | undefined,
  tree: FileTree,
): readonly EnvironmentEntry[] {
  const listed = yamlAt(service.node, "env_file");
  const nodes = listed?.kind === "seq" ? listed.items : listed ? [listed] : [];
  const files = nodes.flatMap((node) => {
    const path = service.project.text(node.kind === "map" ? yamlAt(node, "path") : node);
    const source = path === undefined ? undefined : tree.get(joinPath(service.project.folder, path));
    return source ? [source] : [];
  });
  return [
    ...(dockerfile ? imageVariables(dockerfile) : []),
    ...files.flatMap((source) => fileVariables(source)),
    ...environment(service),
  ];
}

/** Returns the variables of a container: those of its ConfigMaps, then its own. */
export function containerVariables(
  container: KubeContainer,
  objects: readonly KubeObject[],
): readonly EnvironmentEntry[] {
  const configMap = (name: string | undefined): KubeObject | undefined =>
    objects.find((object) => object.kind === "ConfigMap" && object.name === name);
  const whole = (yamlAt(container.node, "envFrom")?.items ?? []).flatMap((item) => {
    const data = yamlAt(configMap(yamlText(yamlAt(item, "configMapRef", "name")))?.node, "data");
    const prefix = yamlText(yamlAt(item, "prefix")) ?? "";
    return [...(data?.entries ?? [])].map(([name, entry]) => {
      const value = yamlText(entry.value);
      return { name: prefix + name, value, raw: value, span: yamlEntrySpan(data, name) ?? entry.key };
    });
  });
  const own = (yamlAt(container.node, "env")?.items ?? []).flatMap((item): EnvironmentEntry[] => {
    const name = yamlText(yamlAt(item, "name"));
    if (name === undefined) return [];
    const ref = yamlAt(item, "valueFrom", "configMapKeyRef");
    const data = yamlAt(configMap(yamlText(yamlAt(ref, "name")))?.node, "data");
    const key = yamlText(yamlAt(ref, "key")) ?? "";
    const value = yamlText(yamlAt(item, "value")) ?? yamlText(yamlAt(data, key));
    const span = yamlEntrySpan(item, "value") ?? yamlEntrySpan(data, key) ?? item;
    return [{ name, value, raw: value, span }];
  });
  return [...whole, ...own];
}

/** Returns the variables of a unit. systemd lets EnvironmentFile= win over Environment=. */
export function unitVariables(unit: Unit, tree: FileTree): readonly EnvironmentEntry[] {
  const own = unit.all("Service", "Environment").flatMap((entry) => assignments(entry.value, entry));
  const files = unit.all("Service", "EnvironmentFile").flatMap((entry) => {
    const path = entry.value.replace(/^-/, "").replace(/^(["'])(.*)\1$/, "$2");
    return tree.resolve(path, [dirName(entry.source.path)]);
  });
  return [...own, ...files.flatMap((source) => fileVariables(source))];
}

/** Returns the ENV of an image's last stage. */
export function imageVariables(dockerfile: DockerfileParse): readonly EnvironmentEntry[] {
  return (dockerfile.stages.at(-1)?.instructions ?? [])
    .filter((item) => item.name === "ENV")
    .flatMap((item) => {
      const old = /^([A-Za-z_]\w*)\s+(?!=)([^=]*)$/.exec(item.value);
      return old ? [{ name: old[1] ?? "", value: old[2], raw: old[2], span: item }] : assignments(item.value, item);
    });
}

// ---

function fileVariables(source: Source): readonly EnvironmentEntry[] {
  const parsed = parseDotenv(source);
  const values = dotenvValues(parsed);
  return parsed.entries.map((entry) => ({
    name: entry.name,
    value: values.get(entry.name),
    raw: entry.raw,
    span: entry,
  }));
}

/** Reads `A=1 "B=2 3" C="4 5"`. */
function assignments(text: string, span: Span): EnvironmentEntry[] {
  return [...text.matchAll(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\])+/g)].flatMap(([word]): EnvironmentEntry[] => {
    const [name, value] = splitAssignment(word.replace(/["']/g, ""));
    return value === undefined ? [] : [{ name, value, raw: value, span }];
  });
}

function splitAssignment(text: string): readonly [name: string, value: string | undefined] {
  const equals = text.indexOf("=");
  return equals === -1 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)];
}
