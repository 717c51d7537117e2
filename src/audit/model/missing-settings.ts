// Files and objects that set the server's environment and are not among the audited ones.
import { yamlAt, yamlBoolean, yamlStrings, yamlText } from "../parse/yaml.ts";
import type { YamlNode } from "../parse/yaml.ts";
import type { FileTree } from "../tree.ts";
import { dirName, joinPath } from "../tree.ts";
import type { App } from "./app.ts";
import type { ComposeService } from "./compose.ts";
import type { KubeObject, KubeWorkload } from "./kubernetes.ts";
import type { MissingPart } from "./missing.ts";
import type { Unit } from "./units.ts";
import { startsServer } from "./units.ts";

/** Returns what the server's containers and units read their variables from and the audit has not seen; what a file calls optional is left out. */
export function missingSettings(options: {
  readonly app: App;
  readonly tree: FileTree;
  readonly services: readonly ComposeService[];
  readonly workloads: readonly KubeWorkload[];
  readonly kube: readonly KubeObject[];
  readonly units: readonly Unit[];
}): readonly MissingPart[] {
  const { app, tree, kube } = options;
  const isThere = (folder: string, path: string): boolean =>
    tree.exists(joinPath(folder, path)) || tree.resolve(path, [folder]).length > 0;
  return [
    ...options.services.filter(app.isService).flatMap((service) => envFiles(service, isThere)),
    ...options.units.filter(startsServer).flatMap((unit) =>
      unit.all("Service", "EnvironmentFile").flatMap((entry): MissingPart[] => {
        const target = entry.value.replace(/^(["'])(.*)\1$/, "$2");
        const isSeen = target.startsWith("-") || isThere(dirName(entry.source.path), target);
        return isSeen ? [] : [{ span: entry, target }];
      }),
    ),
    ...options.workloads
      .flatMap(({ containers }) => containers)
      .filter(app.isContainer)
      .flatMap(({ node }) => configMaps(node, kube)),
    ...kube
      .filter(({ kind }) => kind === "Kustomization")
      .flatMap((object) => [...kustomized(object, tree), ...patched(object)]),
  ];
}

function envFiles(
  { node, project }: ComposeService,
  isThere: (folder: string, path: string) => boolean,
): readonly MissingPart[] {
  const listed = yamlAt(node, "env_file");
  return (listed?.kind === "seq" ? listed.items : listed ? [listed] : []).flatMap((item): MissingPart[] => {
    const path = item.kind === "map" ? yamlAt(item, "path") : item;
    const target = project.text(path);
    const isOptional = item.kind === "map" && yamlBoolean(yamlAt(item, "required")) === false;
    return path === undefined || target === undefined || isOptional || isThere(project.folder, target)
      ? []
      : [{ span: path, target }];
  });
}

function configMaps(container: YamlNode, kube: readonly KubeObject[]): readonly MissingPart[] {
  const refs = [
    ...(yamlAt(container, "envFrom")?.items ?? []).map((item) => yamlAt(item, "configMapRef")),
    ...(yamlAt(container, "env")?.items ?? []).map((item) => yamlAt(item, "valueFrom", "configMapKeyRef")),
  ];
  return refs.flatMap((ref): MissingPart[] => {
    const name = yamlAt(ref, "name");
    const text = yamlText(name);
    const isSeen = kube.some((object) => object.kind === "ConfigMap" && object.name === text);
    return !name || text === undefined || isSeen || yamlBoolean(yamlAt(ref, "optional")) === true
      ? []
      : [{ span: name, target: `ConfigMap ${text}` }];
  });
}

/** Objects are read as they are written: what is patched into them is not. */
function patched({ node }: KubeObject): readonly MissingPart[] {
  const patch = ["patches", "patchesStrategicMerge", "patchesJson6902"].flatMap(
    (key) => yamlAt(node, key)?.items ?? [],
  )[0];
  return patch === undefined ? [] : [{ span: patch, target: "what `kubectl kustomize` makes of these patches" }];
}

function kustomized({ node, source }: KubeObject, tree: FileTree): readonly MissingPart[] {
  return ["resources", "bases", "components"]
    .flatMap((key) => yamlStrings(yamlAt(node, key)))
    .flatMap(({ text, node: item }) => {
      const path = joinPath(dirName(source.path), text);
      const isSeen = tree.exists(path) || tree.sources.some((other) => other.path.startsWith(`${path}/`));
      return isSeen ? [] : [{ span: item, target: text }];
    });
}
