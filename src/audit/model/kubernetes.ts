import type { YamlNode } from "../parse/yaml.ts";
import { parseYaml, yamlAt, yamlText } from "../parse/yaml.ts";
import type { Source, Span } from "../source.ts";

export interface KubeObject {
  readonly source: Source;
  readonly node: YamlNode;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: ReadonlyMap<string, string>;
}

export interface KubeContainer {
  readonly node: YamlNode;
  readonly name: string;
  readonly image: string;
  /** Where findings about the container stand: its name. */
  readonly span: Span;
}

/** Anything that runs pods. */
export interface KubeWorkload {
  readonly object: KubeObject;
  readonly pod: YamlNode;
  readonly podLabels: ReadonlyMap<string, string>;
  readonly containers: readonly KubeContainer[];
}

/** Objects of a manifest stream; `List` kinds are opened. */
export function readKubeObjects(source: Source): readonly KubeObject[] {
  return parseYaml(source).documents.flatMap((document) => objectsOf(source, document, 0));
}

export function kubeWorkloads(objects: readonly KubeObject[]): readonly KubeWorkload[] {
  return objects.flatMap((object): KubeWorkload[] => {
    const template =
      object.kind === "Pod"
        ? object.node
        : object.kind === "CronJob"
          ? yamlAt(object.node, "spec", "jobTemplate", "spec", "template")
          : yamlAt(object.node, "spec", "template");
    const pod = yamlAt(template, "spec");
    const list = yamlAt(pod, "containers");
    if (!pod || list?.kind !== "seq" || !WORKLOADS.has(object.kind)) return [];
    const containers = list.items.map((node) => {
      const name = yamlAt(node, "name");
      return { node, name: yamlText(name) ?? "", image: yamlText(yamlAt(node, "image")) ?? "", span: name ?? node };
    });
    return [{ object, pod, podLabels: stringMap(yamlAt(template, "metadata", "labels")), containers }];
  });
}

const WORKLOADS = new Set(["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Job", "CronJob"]);

/** Strings of a map such as labels and annotations. */
export function stringMap(node: YamlNode | undefined): ReadonlyMap<string, string> {
  const out = new Map<string, string>();
  for (const [key, entry] of node?.entries ?? []) {
    const text = yamlText(entry.value);
    if (text !== undefined) out.set(key, text);
  }
  return out;
}

/** True when every wanted label is there. An empty selector selects nothing here. */
export function selects(selector: ReadonlyMap<string, string>, labels: ReadonlyMap<string, string>): boolean {
  return selector.size > 0 && [...selector].every(([key, value]) => labels.get(key) === value);
}

/** Bytes of a Kubernetes quantity (`3Gi`, `500M`, `1e9`). */
export function quantityBytes(text: string | undefined): number | undefined {
  const match = /^(\d+(?:\.\d+)?(?:e\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T)?$/.exec(text ?? "");
  if (!match) return undefined;
  const units: Readonly<Record<string, number>> = {
    Ki: 2 ** 10,
    Mi: 2 ** 20,
    Gi: 2 ** 30,
    Ti: 2 ** 40,
    k: 1e3,
    M: 1e6,
    G: 1e9,
    T: 1e12,
  };
  return Math.floor(Number(match[1]) * (match[2] === undefined ? 1 : (units[match[2]] ?? 1)));
}

/** Milliseconds of a Gateway API duration (`1h30m`, `10s`, `0s`). */
export function gatewayDurationMs(text: string | undefined): number | undefined {
  if (text === undefined || !/^(?:\d{1,5}(?:h|ms|m|s))+$/.test(text)) return undefined;
  const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)(h|ms|m|s)/g)) total += Number(amount) * (units[unit ?? ""] ?? 0);
  return total;
}

// ---

function objectsOf(source: Source, node: YamlNode, depth: number): KubeObject[] {
  // Kustomize takes its own file without both.
  const isKustomization = /(?:^|\/)kustomization\.ya?ml$/.test(source.path);
  const kind = yamlText(yamlAt(node, "kind")) ?? (isKustomization ? "Kustomization" : undefined);
  const apiVersion = yamlText(yamlAt(node, "apiVersion")) ?? (isKustomization ? "kustomize.config.k8s.io" : undefined);
  if (kind === undefined || apiVersion === undefined || depth > 5) return [];
  if (kind.endsWith("List") && yamlAt(node, "items")?.kind === "seq") {
    return (yamlAt(node, "items")?.items ?? []).flatMap((item) => objectsOf(source, item, depth + 1));
  }
  return [
    {
      source,
      node,
      apiVersion,
      kind,
      name: yamlText(yamlAt(node, "metadata", "name")) ?? "",
      namespace: yamlText(yamlAt(node, "metadata", "namespace")) ?? "",
      labels: stringMap(yamlAt(node, "metadata", "labels")),
    },
  ];
}
