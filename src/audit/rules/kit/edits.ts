// What rule files share: wording of values, and edits that keep comments and formatting.
import type { NginxDirective } from "../../parse/nginx.ts";
import type { CaddyDirective } from "../../parse/caddyfile-tree.ts";
import type { YamlNode } from "../../parse/yaml.ts";
import type { NginxScope } from "../../model/nginx.ts";
import { inheritedList } from "../../model/nginx.ts";
import type { NginxPoint } from "../../model/nginx-points.ts";
import { locationFor } from "../../model/nginx-points.ts";
import type { CaddyPoint } from "../../model/caddy.ts";
import { caddyPathMatches, isMatcher, visit } from "../../model/caddy.ts";
import type { Facts } from "../../model/facts.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import type { RouteSpec, Traffic } from "../../../shared/protocol.ts";
import { ALL_ROUTES } from "../../../shared/protocol.ts";
import type { Source, Span } from "../../source.ts";
import { lineText, positionAt } from "../../source.ts";
import type { Edit } from "../../parts.ts";

/** `90` seconds as people write them. */
export function seconds(ms: number): string {
  if (!Number.isFinite(ms)) return "never";
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

/** Whole seconds, rounded up. */
export function ceilSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

export function mebibytes(bytes: number): string {
  return `${Math.round((bytes / 2 ** 20) * 10) / 10} MiB`;
}

// ---

export function replace(span: Span, text: string): Edit {
  return { span, text };
}

/** Removes the whole line(s) of a span when nothing else stands on them. */
export function removeLines(span: Span): Edit {
  const { source } = span;
  const first = positionAt(source, span.start).line;
  const last = positionAt(source, Math.max(span.start, span.end - 1)).line;
  const start = source.lineStarts[first - 1] ?? span.start;
  const end = source.lineStarts[last] ?? source.text.length;
  const around = source.text.slice(start, span.start) + source.text.slice(span.end, end);
  return /^[\s;]*(?:#.*)?\s*$/.test(around) ? { span: { source, start, end }, text: "" } : { span, text: "" };
}

/** Inserts a line before the line of an offset, with that line's indentation. */
export function insertLineBefore(source: Source, offset: number, text: string): Edit {
  const { line } = positionAt(source, offset);
  const start = source.lineStarts[line - 1] ?? 0;
  const indent = /^[ \t]*/.exec(lineText(source, line))?.[0] ?? "";
  // Something else before the offset on its line (`location / { proxy_pass …; }`): stay on the line.
  if (source.text.slice(start, offset).trim() !== "")
    return { span: { source, start: offset, end: offset }, text: `${text} ` };
  return { span: { source, start, end: start }, text: `${indent}${text}\n` };
}

/** Adds a directive next to another one of the same block. */
export function addNginx(beside: NginxDirective, text: string): Edit {
  return insertLineBefore(beside.source, beside.start, text);
}

/** Adds a subdirective to a Caddy block, opening one when there is none. */
export function addCaddy(directive: CaddyDirective, text: string): Edit {
  const { source } = directive;
  const { line } = positionAt(source, directive.start);
  const indent = /^[ \t]*/.exec(lineText(source, line))?.[0] ?? "";
  const step =
    indent === "" || indent.includes("\t") ? "\t" : indent.length >= 4 && indent.length % 4 === 0 ? "    " : "  ";
  if (directive.blockEnd !== undefined) {
    const { blockEnd } = directive;
    const closeStart = source.lineStarts[positionAt(source, blockEnd).line - 1] ?? blockEnd;
    if (source.text.slice(closeStart, blockEnd).trim() === "") {
      return { span: { source, start: closeStart, end: closeStart }, text: `${indent}${step}${text}\n` };
    }
    return { span: { source, start: blockEnd, end: blockEnd }, text: `\n${indent}${step}${text}\n${indent}` };
  }
  const end = Math.max(
    directive.nameSpan.end,
    ...directive.args.filter((arg) => arg.source === source).map((arg) => arg.end),
  );
  return { span: { source, start: end, end }, text: ` {\n${indent}${step}${text}\n${indent}}` };
}

/** Adds `key: value` to a YAML map, in its own style and indentation. `text` may span lines when the map is a block. */
export function addYaml(map: YamlNode, text: string): Edit | undefined {
  const { source } = map;
  const first = [...map.entries.values()].find(
    (entry) => entry.key.source === source && entry.key.start >= map.start && entry.key.end <= map.end,
  );
  if (source.text[map.start] === "{") {
    return text.includes("\n")
      ? undefined
      : { span: { source, start: map.start + 1, end: map.start + 1 }, text: first ? `${text}, ` : text };
  }
  if (!first) return undefined;
  const { column } = positionAt(source, first.key.start);
  const indent = " ".repeat(column - 1);
  return {
    span: { source, start: first.key.start, end: first.key.start },
    text: `${text.split("\n").join(`\n${indent}`)}\n${indent}`,
  };
}

/** Adds `Key=value` under a unit's section header. */
export function addUnit(header: Span, text: string): Edit {
  return { span: { source: header.source, start: header.end, end: header.end }, text: `\n${text}` };
}

// ---

/** Header names set by the list that is in force at a pass, lower case → value. */
export function effectiveHeaders(scope: NginxScope): {
  readonly headers: ReadonlyMap<string, { readonly value: string; readonly directive: NginxDirective }>;
  readonly level: NginxScope | undefined;
  readonly uncertain: boolean;
} {
  const { list, level, uncertain } = inheritedList(scope, "proxy_set_header");
  const headers = new Map(
    list.map((directive) => [
      (directive.args[0]?.value ?? "").toLowerCase(),
      { value: directive.args[1]?.value ?? "", directive },
    ]),
  );
  return { headers, level, uncertain };
}

/** Adds a `proxy_set_header` to the list that is in force: beside its last one, or beside the pass when there is none. */
export function addHeader(point: NginxPoint, name: string, value: string): Edit {
  const { level } = effectiveHeaders(point.scope);
  const last = level?.own.findLast((directive) => directive.directive === "proxy_set_header");
  return addNginx(last ?? point.pass, `proxy_set_header ${name} ${value};`);
}

/** The server's routes that arrive at a pass, by the locations of its server block. */
export function routesAt(point: NginxPoint): readonly RouteSpec[] {
  return ALL_ROUTES.filter((route) => {
    if (route.replacedBy !== undefined && point.path !== route.path) return false; // the deprecated alias rides along with whatever takes it
    const path = publicPath(point, route.path);
    if (path === undefined) return false;
    if (!point.server)
      return point.modifier === "" || point.modifier === "^~" ? path.startsWith(point.path) : point.path === path;
    const location = locationFor(point.server, path);
    return location ? location === point.location : point.location === point.server;
  });
}

/** Path a client uses for a server route through this pass (`location /stt/ { proxy_pass http://x/; }`). */
function publicPath(point: NginxPoint, route: string): string | undefined {
  const { path } = point.address;
  if (path === "" || point.modifier === "~" || point.modifier === "~*") return route;
  if (!route.startsWith(path)) return undefined;
  return point.modifier === "=" ? (route === path ? point.path : undefined) : point.path + route.slice(path.length);
}

/** App passes of nginx that carry a kind of traffic. */
export function nginxCarrying(facts: Facts, ...traffic: readonly Traffic[]): readonly NginxPoint[] {
  return appNginxPoints(facts).filter((point) => routesAt(point).some((route) => traffic.includes(route.traffic)));
}

/** App proxies of Caddy that carry a kind of traffic. */
export function caddyCarrying(facts: Facts, ...traffic: readonly Traffic[]): readonly CaddyPoint[] {
  return appCaddyPoints(facts).filter((point) =>
    ALL_ROUTES.some(
      (route) => traffic.includes(route.traffic) && route.replacedBy === undefined && caddyPointFor(point, route.path),
    ),
  );
}

/** Whether a path reaches this proxy: its own patterns match and no more specific `handle` beside it takes the path. */
export function caddyPointFor(point: CaddyPoint, path: string): boolean {
  if (point.paths.length > 0 && !point.paths.some((pattern) => caddyPathMatches(pattern, path))) return false;
  const handle = point.around.find((directive) => directive.name === "handle" || directive.name === "handle_path");
  const length = Math.max(
    0,
    ...point.paths.filter((pattern) => caddyPathMatches(pattern, path)).map((pattern) => pattern.length),
  );
  let taken = false;
  visit(point.site.directives, [], (directive, around) => {
    if (
      around.length > 0 ||
      directive === handle ||
      (directive.name !== "handle" && directive.name !== "handle_path" && directive.name !== "respond")
    )
      return;
    for (const argument of directive.args.slice(0, 1)) {
      if (!isMatcher(argument) || argument.value === "*") continue;
      const patterns = argument.value.startsWith("/") ? [argument.value] : namedPaths(point, argument.value);
      if (patterns.some((pattern) => caddyPathMatches(pattern, path) && pattern.length > length)) taken = true;
    }
  });
  return !taken;
}

function namedPaths(point: CaddyPoint, name: string): readonly string[] {
  const definition = point.site.directives.find((item) => item.name === name);
  if (!definition) return [];
  if (definition.args[0]?.value === "path") return definition.args.slice(1).map((argument) => argument.value);
  return (definition.block ?? [])
    .filter((item) => item.name === "path")
    .flatMap((item) => item.args.map((argument) => argument.value));
}

/** True when rules for any upstream should speak at full severity: the pass leads to the server, or the tree has no server at all. */
export function isOurs(facts: Facts, point: NginxPoint): boolean {
  const ours = appNginxPoints(facts);
  return ours.length === 0 || ours.includes(point);
}
