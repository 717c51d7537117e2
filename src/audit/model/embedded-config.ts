// The server's configuration where another file carries it: a ConfigMap, or an inline config of Compose.
import type { YamlNode } from "../parse/yaml.ts";
import { parseYaml, yamlAt } from "../parse/yaml.ts";
import type { Span } from "../source.ts";
import { createSource } from "../source.ts";
import type { ComposeProject } from "./compose.ts";
import type { KubeObject } from "./kubernetes.ts";

const OWN_NAME = /^gigastt(?:\..+)?\.ya?ml$/;
const ANY_NAME = /(?:^|[/._-])config\.ya?ml$/;
/** Sections that no other program's file has together. */
const SECTIONS = /^[ \t]*(?:server|limits|pool|session|shutdown|rateLimit|model|deploy|jobs|wyoming|vosk|auth):/gm;

/** Returns the value of a key that holds the server's configuration, by its name, else by its sections. */
export function isConfigText(name: string, text: string): boolean {
  if (OWN_NAME.test(name)) return true;
  return ANY_NAME.test(name) && new Set(text.match(SECTIONS)?.map((line) => line.trim())).size >= 2;
}

/** Returns the first configuration that ConfigMaps or Compose files carry, with its places in those files. */
export function embeddedConfig(
  objects: readonly KubeObject[],
  projects: readonly ComposeProject[],
): YamlNode | undefined {
  const texts = [
    ...objects
      .filter(({ kind }) => kind === "ConfigMap")
      .flatMap(({ node }) => [...(yamlAt(node, "data")?.entries ?? [])])
      .map(([name, { value }]) => ({ name, value })),
    ...projects.flatMap(({ root }) =>
      [...(yamlAt(root, "configs")?.entries ?? [])].map(([name, { value }]) => ({
        name: OWN_NAME.test(name) ? name : `${name}.config.yaml`,
        value: yamlAt(value, "content"),
      })),
    ),
  ];
  for (const { name, value } of texts)
    if (value?.kind === "scalar" && isConfigText(name, value.text)) return embeddedYaml(value);
  return undefined;
}

// ---

/** Parses the text of a value; of a literal block every place is a place of the file. */
function embeddedYaml(scalar: YamlNode): YamlNode | undefined {
  const { source } = scalar;
  const written = source.text.slice(scalar.start, scalar.end);
  if (!written.startsWith("|")) {
    const parsed = parseYaml(createSource(source.path, scalar.text)).documents[0];
    return parsed && moved(parsed, () => scalar);
  }
  const body = written.indexOf("\n") + 1;
  const blanks = source.text.slice(0, scalar.start + body).replace(/[^\n]/g, " ");
  const parsed = parseYaml(createSource(source.path, blanks + written.slice(body))).documents[0];
  return parsed && moved(parsed, ({ start, end }) => ({ source, start, end }));
}

function moved(node: YamlNode, place: (span: Span) => Span): YamlNode {
  const at = (span: Span): Span => {
    const { source, start, end } = place(span);
    return { source, start, end };
  };
  return {
    ...node,
    ...at(node),
    entries: new Map(
      [...node.entries].map(([name, { key, value }]) => [
        name,
        { key: { ...key, ...at(key) }, value: moved(value, place) },
      ]),
    ),
    items: node.items.map((item) => moved(item, place)),
  };
}
