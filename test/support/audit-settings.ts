import { parseCaddyfile } from "../../src/audit/parse/caddyfile.ts";
import type { CaddyDirective } from "../../src/audit/parse/caddyfile-tree.ts";
import { parseDockerfile } from "../../src/audit/parse/dockerfile.ts";
import { parseDotenv } from "../../src/audit/parse/dotenv.ts";
import { parseNginx, type NginxDirective } from "../../src/audit/parse/nginx.ts";
import { parseUnit, type UnitEntry } from "../../src/audit/parse/systemd.ts";
import { parseYaml, type YamlNode } from "../../src/audit/parse/yaml.ts";
import { createSource, type Source } from "../../src/audit/source.ts";

/** One setting of a rendered file: a directive, a key, an instruction. */
export interface Setting {
  /** Names from the outside in, joined by ` > `; blocks carry their arguments. */
  readonly path: string;
  /** The whole setting, what a deletion takes out. */
  readonly start: number;
  readonly end: number;
  /** The value's text, what a replacement changes. Empty stretch where there is none. */
  readonly valueStart: number;
  readonly valueEnd: number;
  /** First and last line of the block around it (the file when there is none), 1-based. */
  readonly block: readonly [number, number];
  /** False for a block that holds further settings. */
  readonly leaf: boolean;
}

/** Every setting of a rendered file in the order of the text; empty for formats that hold no settings the audit reads. */
export function settingsOf(path: string, text: string): readonly Setting[] {
  const source = createSource(path, text);
  const all: readonly [number, number] = [1, source.lineStarts.length];
  if (/\/(?:nginx|systemd)\//.test(`/${path}`) && /\.(?:conf|inc)$/.test(path) && !path.includes("systemd/"))
    return nginxSettings(source, parseNginx(source).directives, "", all);
  if (path.endsWith("Caddyfile")) {
    const file = parseCaddyfile(source);
    return [
      ...caddySettings(source, file.options, "options", all),
      ...[...snippetsOf(source)].flatMap(([name, directives]) => caddySettings(source, directives, `(${name})`, all)),
      ...file.sites.flatMap((site) =>
        caddySettings(
          source,
          // What a snippet brings has its place in the snippet.
          site.directives.filter((item) => item.start > site.start && item.end <= site.end),
          site.addresses.map((address) => address.value).join(", "),
          [lineOf(source, site.start), lineOf(source, site.end)],
        ),
      ),
    ];
  }
  if (path.includes("systemd/"))
    return parseUnit(source).entries.map((entry) => ({
      path: `${entry.section} > ${entry.key}${repeated(entry)}`,
      ...wholeLines(source, entry.start, entry.end),
      valueStart: text.indexOf("=", entry.start) + 1,
      valueEnd: entry.end,
      block: all,
      leaf: true,
    }));
  if (path.endsWith("Dockerfile"))
    return parseDockerfile(source).instructions.flatMap((item) => {
      const place = `${item.stage === 1 ? "final" : "build"} > ${item.name}`;
      // Each variable of an ENV is a setting of its own.
      const pairs = item.name === "ENV" ? [...text.slice(item.start, item.end).matchAll(/(\w+)=(\S+)/g)] : [];
      if (pairs.length > 0)
        return pairs.map((pair) => ({
          path: `${place} ${pair[1]}`,
          start: item.start + pair.index,
          end: item.start + pair.index + pair[0].length,
          valueStart: item.start + pair.index + (pair[1]?.length ?? 0) + 1,
          valueEnd: item.start + pair.index + pair[0].length,
          block: [lineOf(source, item.start), lineOf(source, item.end - 1)] as const,
          leaf: true,
        }));
      return [
        {
          path: place,
          ...wholeLines(source, item.start, item.end),
          valueStart: text.slice(item.start, item.end).search(/\s/) + 1 + item.start,
          valueEnd: item.end,
          block: all,
          leaf: true,
        },
      ];
    });
  if (path.endsWith(".env"))
    return parseDotenv(source).entries.map((entry) => ({
      path: entry.name,
      ...wholeLines(source, entry.start, entry.end),
      valueStart: text.indexOf("=", entry.start) + 1,
      valueEnd: entry.end,
      block: all,
      leaf: true,
    }));
  if (/\.ya?ml$/.test(path)) return parseYaml(source).documents.flatMap((node) => yamlSettings(source, node, "", all));
  return [];
}

// ---

/** What tells lines of one key apart: the variable, or the sign of a filter. */
function repeated(entry: UnitEntry): string {
  if (entry.key === "Environment") return ` ${entry.value.split("=")[0]}`;
  return entry.key === "SystemCallFilter" ? ` ${entry.value.split(" ")[0]}` : "";
}

function lineOf(source: Source, offset: number): number {
  let line = 0;
  while (line < source.lineStarts.length && (source.lineStarts[line] ?? 0) <= offset) line += 1;
  return line;
}

function wholeLines(source: Source, start: number, end: number): { readonly start: number; readonly end: number } {
  return {
    start: source.lineStarts[lineOf(source, start) - 1] ?? start,
    end: source.lineStarts[lineOf(source, Math.max(start, end - 1))] ?? source.text.length,
  };
}

const NAMED = new Set(["proxy_set_header", "add_header", "proxy_hide_header", "header_up", "header_down"]);

function nginxSettings(
  source: Source,
  directives: readonly NginxDirective[],
  path: string,
  block: readonly [number, number],
): Setting[] {
  return directives.flatMap((item) => {
    const named = NAMED.has(item.directive) || path.split(" > ").at(-1)?.startsWith("map ");
    const args = item.args.map((arg) => arg.value);
    const own = item.block
      ? `${item.directive} ${item.directive === "server" ? serverName(item) : args.join(" ")}`.trim()
      : named
        ? `${item.directive} ${args[0] ?? ""}`.trim()
        : item.directive;
    const here = path === "" ? own : `${path} > ${own}`;
    const values = named && NAMED.has(item.directive) ? item.args.slice(1) : item.args;
    const setting: Setting = {
      path: here,
      ...wholeLines(source, item.start, item.end),
      valueStart: values[0]?.start ?? item.end - 1,
      valueEnd: values.at(-1)?.end ?? item.end - 1,
      block,
      leaf: !item.block,
    };
    return [
      setting,
      ...(item.block
        ? nginxSettings(source, item.block, here, [lineOf(source, item.start), lineOf(source, item.end - 1)])
        : []),
    ];
  });
}

function serverName(server: NginxDirective): string {
  const name = server.block?.find((item) => item.directive === "server_name")?.args[0]?.value ?? "";
  const listens = (server.block ?? []).filter((item) => item.directive === "listen");
  const tls = listens.some((item) => item.args.some((arg) => arg.value === "ssl"));
  const plain = listens.some((item) => !item.args.some((arg) => arg.value === "ssl"));
  return `${name === "_" ? "others" : "site"}${tls ? " tls" : ""}${plain ? " plain" : ""}`;
}

/** Snippets by name: the parser keeps them only where they are imported. */
function snippetsOf(source: Source): ReadonlyMap<string, readonly CaddyDirective[]> {
  const out = new Map<string, readonly CaddyDirective[]>();
  for (const match of source.text.matchAll(/^\((\w+)\) \{\n([\s\S]*?)^\}\n/gm)) {
    const start = match.index + match[0].indexOf("{\n") + 2;
    const padded = `${source.text.slice(0, start).replace(/[^\n]/g, " ")}`;
    const site = `${padded.slice(0, Math.max(0, padded.length - 5))}:1 {\n${match[2] ?? ""}}\n`;
    const parsed = parseCaddyfile(createSource(source.path, site));
    out.set(match[1] ?? "", parsed.sites[0]?.directives ?? []);
  }
  return out;
}

function caddySettings(
  source: Source,
  directives: readonly CaddyDirective[],
  path: string,
  block: readonly [number, number],
): Setting[] {
  return directives.flatMap((item) => {
    // What an import brings has its place in the snippet.
    const line = lineOf(source, item.start);
    if (line < block[0] || line > block[1]) return [];
    const args = item.args.map((arg) => arg.value);
    const own =
      NAMED.has(item.name) || item.block || item.name === "header" || item.name === "import"
        ? [item.name, ...(NAMED.has(item.name) ? args.slice(0, 1) : args)].join(" ")
        : item.name;
    const here = `${path} > ${own}`;
    const values = NAMED.has(item.name) ? item.args.slice(1) : item.args;
    return [
      {
        path: here,
        ...wholeLines(source, item.start, item.end),
        valueStart: values[0]?.start ?? item.nameSpan.end,
        valueEnd: values.at(-1)?.end ?? item.nameSpan.end,
        block,
        leaf: !item.block,
      },
      ...(item.block
        ? caddySettings(source, item.block, here, [lineOf(source, item.start), lineOf(source, item.end - 1)])
        : []),
    ];
  });
}

function isLeaf(node: YamlNode): boolean {
  return node.kind === "scalar" || (node.entries.size === 0 && node.items.length === 0);
}

function yamlSettings(source: Source, node: YamlNode, path: string, block: readonly [number, number]): Setting[] {
  const inner: readonly [number, number] = [
    lineOf(source, node.start),
    lineOf(source, Math.max(node.start, node.end - 1)),
  ];
  if (node.kind === "map")
    return [...node.entries].flatMap(([key, entry]) => {
      const here = path === "" ? key : `${path} > ${key}`;
      return [
        {
          path: here,
          ...wholeLines(source, entry.key.start, entry.value.end),
          valueStart: entry.value.start,
          valueEnd: entry.value.end,
          block,
          leaf: isLeaf(entry.value),
        },
        ...yamlSettings(source, entry.value, here, [lineOf(source, entry.key.start), inner[1]]),
      ];
    });
  return node.items.flatMap((item, i) => [
    {
      path: `${path} > ${i}`,
      ...wholeLines(source, item.start, item.end),
      valueStart: item.start,
      valueEnd: item.end,
      block,
      leaf: isLeaf(item),
    },
    ...yamlSettings(source, item, `${path} > ${i}`, inner),
  ]);
}
