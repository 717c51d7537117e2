import type { DotenvParse } from "../parse/dotenv.ts";
import { dotenvValues, interpolate } from "../parse/dotenv.ts";
import type { YamlEntry, YamlNode } from "../parse/yaml.ts";
import { parseYaml, yamlAt, yamlNumber, yamlStrings, yamlText } from "../parse/yaml.ts";
import type { Source, Span } from "../source.ts";
import type { FileTree } from "../tree.ts";
import { baseName, dirName, joinPath } from "../tree.ts";

/** The files Compose would read together, merged. */
export interface ComposeProject {
  /** Folder of the project. */
  readonly folder: string;
  readonly files: readonly Source[];
  readonly root: YamlNode;
  readonly services: readonly ComposeService[];
  /** Values of `.env`, interpolated. */
  readonly env: ReadonlyMap<string, string>;
  /** Text of a scalar after `${…}`. */
  readonly text: (node: YamlNode | undefined) => string | undefined;
  /** Names of variables a scalar takes from a default because nothing sets them. */
  readonly defaulted: (node: YamlNode | undefined) => readonly string[];
  readonly topVersion: YamlEntry | undefined;
  /** Returns a sentence about Compose in the words of another format; undefined where it is Compose. */
  readonly words: ((text: string) => string) | undefined;
}

export interface ComposeService {
  readonly project: ComposeProject;
  readonly name: string;
  readonly nameSpan: Span;
  readonly node: YamlNode;
  readonly image: string;
  readonly ports: readonly ComposePort[];
}

export interface ComposePort {
  readonly node: YamlNode;
  /** Host address as written; undefined = every interface. */
  readonly hostIp: string | undefined;
  readonly published: string | undefined;
  readonly target: number | undefined;
  readonly protocol: string;
  /** The published port exists only as the default of an unset variable. */
  readonly viaDefault: readonly string[];
}

/** Groups compose files of a tree into projects: base and override merged, overlays on their base. */
export function buildComposeProjects(
  files: readonly Source[],
  tree: FileTree,
  dotenvs: readonly DotenvParse[],
): readonly ComposeProject[] {
  const folders = new Map<string, Source[]>();
  for (const file of files) folders.set(dirName(file.path), [...(folders.get(dirName(file.path)) ?? []), file]);
  const extended = new Set(
    files.flatMap((file) =>
      [...(yamlAt(parseYaml(file).documents[0], "services")?.entries.values() ?? [])].flatMap(({ value }) => {
        const path = yamlText(yamlAt(value, "extends", "file"));
        return path === undefined ? [] : [joinPath(dirName(file.path), path)];
      }),
    ),
  );
  const projects: ComposeProject[] = [];
  for (const [folder, sources] of folders) {
    const parsed = new Map(sources.map((source) => [source, parseYaml(source).documents[0]]));
    const base = sources.find((source) => /^(?:docker-)?compose\.ya?ml$/.test(baseName(source.path)));
    const override = sources.find((source) => /^(?:docker-)?compose\.override\.ya?ml$/.test(baseName(source.path)));
    const env = dotenvs.find((item) => item.source.path === joinPath(folder, ".env"));
    const values = env ? dotenvValues(env) : new Map<string, string>();
    // COMPOSE_FILE of the project's .env names the files and their order.
    const listed = (values.get("COMPOSE_FILE") ?? "").split(/[:;]/).flatMap((name) => {
      const found = name === "" ? undefined : sources.find((source) => source.path === joinPath(folder, name));
      return found ? [found] : [];
    });
    const stack = listed.length > 0 ? listed : base ? [base, ...(override ? [override] : [])] : [];
    const build = (used: readonly Source[]): void => {
      const root = used
        .map((source) => parsed.get(source))
        .reduce<YamlNode | undefined>(
          (low, high) => (low && high ? mergeNodes(low, high, []) : (low ?? high)),
          undefined,
        );
      if (root) projects.push(createProject(folder, used, root, values, tree));
    };
    if (stack.length > 0) build(stack);
    for (const source of sources) {
      // Services that others extend say nothing by themselves.
      if (stack.includes(source) || extended.has(source.path)) continue;
      const services = yamlAt(parsed.get(source), "services")?.entries ?? new Map<string, YamlEntry>();
      const standsAlone = [...services.values()].every(
        ({ value }) =>
          (value.entries.has("image") || value.entries.has("build") || value.entries.has("extends")) &&
          dependencies(value).every((name) => services.has(name)),
      );
      build(standsAlone || stack.length === 0 ? [source] : [...stack, source]);
    }
  }
  return projects;
}

/** Seconds or a Go-like duration of Compose as milliseconds (`1m30s`, `90s`, `2h`). */
export function composeDurationMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (!/^(?:\d+(?:\.\d+)?(?:us|ms|s|m|h))+$/.test(text)) return undefined;
  const units: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h)/g))
    total += Number(amount) * (units[unit ?? ""] ?? 0);
  return total;
}

/** Bytes of a Compose size (`3G`, `512m`, `1024`, `2gb`). Powers of 1024. */
export function composeBytes(text: string | undefined): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text ?? "");
  if (!match) return undefined;
  return Math.floor(Number(match[1]) * 1024 ** ("kmgt".indexOf((match[2] ?? "").toLowerCase() || " ") + 1));
}

/** Words of a command in list or string form. */
export function commandWords(node: YamlNode | undefined): {
  readonly words: readonly string[];
  readonly shellForm: boolean;
} {
  if (!node) return { words: [], shellForm: false };
  if (node.kind === "seq") return { words: yamlStrings(node).map((item) => item.text), shellForm: false };
  // Compose splits a string by shell rules but runs no shell.
  return {
    words: (yamlText(node) ?? "").match(/"[^"]*"|'[^']*'|\S+/g)?.map((word) => word.replace(/^["']|["']$/g, "")) ?? [],
    shellForm: true,
  };
}

/** Returns the Dockerfile a service is built from, when it is among `dockerfiles`. */
export function buildFile<D extends { readonly source: Source }>(
  { node, project }: ComposeService,
  dockerfiles: readonly D[],
): D | undefined {
  const build = yamlAt(node, "build");
  if (!build) return undefined;
  const context = (build.kind === "map" ? project.text(yamlAt(build, "context")) : project.text(build)) ?? ".";
  const file = yamlText(yamlAt(build, "dockerfile")) ?? "Dockerfile";
  const path = joinPath(joinPath(project.folder, context), file);
  return dockerfiles.find((item) => item.source.path === path);
}

/** Returns the project of a merged tree. Without a tree of files nothing is extended. */
export function createProject(
  folder: string,
  files: readonly Source[],
  root: YamlNode,
  env: ReadonlyMap<string, string> = new Map(),
  tree?: FileTree,
  words?: ComposeProject["words"],
): ComposeProject {
  const services: ComposeService[] = [];
  const lookup = (name: string): string | undefined => env.get(name);
  const text = (node: YamlNode | undefined): string | undefined => {
    const raw = yamlText(node);
    return raw === undefined ? undefined : interpolate(raw, lookup).text;
  };
  const defaulted = (node: YamlNode | undefined): readonly string[] =>
    interpolate(yamlText(node) ?? "", lookup).defaulted;
  const project: ComposeProject = {
    folder,
    files,
    root,
    services,
    env,
    text,
    defaulted,
    topVersion: root.entries.get("version"),
    words,
  };
  for (const [name, entry] of yamlAt(root, "services")?.entries ?? []) {
    if (entry.value.kind !== "map") continue;
    const node = tree === undefined ? entry.value : resolveExtends(entry.value, root, folder, tree, 0);
    services.push({
      project,
      name,
      nameSpan: entry.key,
      node,
      image: text(yamlAt(node, "image")) ?? "",
      ports: readPorts(project, node),
    });
  }
  return project;
}

// ---

function resolveExtends(service: YamlNode, root: YamlNode, folder: string, tree: FileTree, depth: number): YamlNode {
  const extend = yamlAt(service, "extends");
  if (!extend || depth > 10) return service;
  const name = yamlText(extend) ?? yamlText(yamlAt(extend, "service")) ?? "";
  const file = yamlText(yamlAt(extend, "file"));
  let otherRoot: YamlNode | undefined = root;
  if (file !== undefined) {
    const source = tree.get(joinPath(folder, file));
    otherRoot = source ? parseYaml(source).documents[0] : undefined;
  }
  const parent = yamlAt(otherRoot, "services", name);
  if (!otherRoot || parent?.kind !== "map" || parent === service) return service;
  return mergeNodes(resolveExtends(parent, otherRoot, folder, tree, depth + 1), service, ["services"]);
}

function dependencies(service: YamlNode): readonly string[] {
  const node = yamlAt(service, "depends_on");
  return node?.kind === "map" ? [...node.entries.keys()] : yamlStrings(node).map((item) => item.text);
}

const REPLACED_LISTS = new Set(["command", "entrypoint", "test"]);

/** Compose's merge: maps deeply, lists appended, scalars and commands replaced, `!reset` and `!override` obeyed. */
function mergeNodes(low: YamlNode, high: YamlNode, path: readonly string[]): YamlNode {
  if (high.tag === "!override") return high;
  if (low.kind === "map" && high.kind === "map") {
    const entries = new Map(low.entries);
    for (const [key, entry] of high.entries) {
      const below = entries.get(key);
      if (entry.value.tag === "!reset") entries.delete(key);
      else if (!below || path.length > 20) entries.set(key, entry);
      else
        entries.set(key, {
          key: entry.value.kind === "scalar" ? entry.key : below.key,
          value: mergeNodes(below.value, entry.value, [...path, key]),
        });
    }
    return { ...low, entries };
  }
  if (low.kind === "seq" && high.kind === "seq" && !REPLACED_LISTS.has(path.at(-1) ?? "")) {
    return { ...high, items: [...low.items, ...high.items] };
  }
  return high;
}

function readPorts(project: ComposeProject, service: YamlNode): ComposePort[] {
  return (yamlAt(service, "ports")?.items ?? []).flatMap((node): ComposePort[] => {
    if (node.kind === "map") {
      const published = project.text(yamlAt(node, "published"));
      return [
        {
          node,
          hostIp: project.text(yamlAt(node, "host_ip")),
          published,
          target: yamlNumber(yamlAt(node, "target")),
          protocol: yamlText(yamlAt(node, "protocol")) ?? "tcp",
          viaDefault: project.defaulted(yamlAt(node, "published")),
        },
      ];
    }
    const text = project.text(node);
    if (text === undefined) return [];
    const match = /^(?:(\[[^\]]*\]|[^:]*(?=:[^:]*:)):)?(?:([^:]*):)?([^:/]+)(?:\/(\w+))?$/.exec(text);
    if (!match) return [];
    return [
      {
        node,
        hostIp: match[1]?.replace(/^\[|\]$/g, "") || undefined,
        published: match[2] === undefined ? "random" : match[2],
        target: Number(match[3]?.split("-")[0]),
        protocol: match[4] ?? "tcp",
        viaDefault: project.defaulted(node),
      },
    ];
  });
}
