import type { NginxDirective } from "../parse/nginx.ts";
import { parseNginx, splitNginxDump } from "../parse/nginx.ts";
import type { Source, Span } from "../source.ts";
import type { FileTree } from "../tree.ts";
import { baseName, dirName, globToRegExp } from "../tree.ts";
import type { ParseProblem } from "../parts.ts";

/** A block with the directives of its includes in place. */
export interface NginxScope {
  /** `main`, `http`, `server`, `location`, `if`, `upstream`, … as written. */
  readonly kind: string;
  readonly directive: NginxDirective | undefined;
  readonly parent: NginxScope | undefined;
  /** Directives of this level, includes expanded, blocks included. */
  readonly own: readonly NginxDirective[];
  readonly scopes: readonly NginxScope[];
  /** Includes of this level that point outside the audited files. */
  readonly missing: readonly NginxDirective[];
}

export interface NginxRoot {
  readonly source: Source;
  readonly main: NginxScope;
  /** False for a fragment (a site file, a snippet): the levels above are unknown. */
  readonly complete: boolean;
  readonly problems: readonly ParseProblem[];
}

/** All roots of a tree: every nginx file that no other file includes. */
export function buildNginxRoots(files: readonly Source[], tree: FileTree): readonly NginxRoot[] {
  const included = new Set<Source>();
  const built = files.map((source) => buildRoot(source, tree, included));
  // Files that include each other would leave no root at all: keep them then.
  const roots = built.filter((root) => !included.has(root.source));
  return roots.length > 0 ? roots : built;
}

/** Every scope below and including this one. */
export function* allScopes(scope: NginxScope): Generator<NginxScope> {
  yield scope;
  for (const child of scope.scopes) yield* allScopes(child);
}

/** The nearest value of a directive, from this level upwards. */
export function inherited(scope: NginxScope, name: string): NginxDirective | undefined {
  for (let at: NginxScope | undefined = scope; at; at = at.parent) {
    const found = at.own.findLast((directive) => directive.directive === name);
    if (found) return found;
  }
  return undefined;
}

/** A list directive as nginx inherits it: all of the nearest level that has any, nothing from above. `uncertain` when an unread include could add to it. */
export function inheritedList(
  scope: NginxScope,
  name: string,
): { readonly list: readonly NginxDirective[]; readonly level: NginxScope | undefined; readonly uncertain: boolean } {
  let uncertain = false;
  for (let at: NginxScope | undefined = scope; at; at = at.parent) {
    if (at.missing.length > 0 && at.kind !== "main") uncertain = true;
    const list = at.own.filter((directive) => directive.directive === name);
    if (list.length > 0) return { list, level: at, uncertain };
  }
  return { list: [], level: undefined, uncertain };
}

/** The scope's own directives of a name. */
export function ownAll(scope: NginxScope, name: string): readonly NginxDirective[] {
  return scope.own.filter((directive) => directive.directive === name);
}

export function closest(scope: NginxScope, kind: string): NginxScope | undefined {
  for (let at: NginxScope | undefined = scope; at; at = at.parent) if (at.kind === kind) return at;
  return undefined;
}

/** Value of one argument, empty when it is missing. */
export function arg(directive: NginxDirective | undefined, index: number): string {
  return directive?.args[index]?.value ?? "";
}

/** The head of a directive for findings: name to last argument, not its block. */
export function headSpan(directive: NginxDirective): Span {
  const last = directive.args.at(-1);
  const end = directive.block ? (last?.end ?? directive.start + directive.directive.length) : directive.end;
  return {
    source: directive.source,
    start: directive.start,
    end: Math.max(end, directive.start + directive.directive.length),
  };
}

/** Milliseconds of an nginx time (`60`, `90s`, `1h 30m`, `500ms`). */
export function nginxTimeMs(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const units: Readonly<Record<string, number>> = {
    ms: 1,
    s: 1000,
    m: 60_000,
    h: 3_600_000,
    d: 86_400_000,
    w: 604_800_000,
    M: 2_592_000_000,
    y: 31_536_000_000,
  };
  let total = 0;
  let rest = text.trim();
  if (rest === "") return undefined;
  while (rest !== "") {
    const match = /^(\d+)(ms|[smhdwMy])?\s*/.exec(rest);
    if (!match) return undefined;
    total += Number(match[1]) * (units[match[2] ?? "s"] ?? 1000);
    rest = rest.slice(match[0].length);
  }
  return total;
}

/** Bytes of an nginx size (`50m`, `1g`, `8k`, `0`). */
export function nginxSizeBytes(text: string): number | undefined {
  const match = /^(\d+)([kKmMgG])?$/.exec(text);
  if (!match) return undefined;
  const factor = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }[(match[2] ?? "").toLowerCase()] ?? 1;
  return Number(match[1]) * factor;
}

// ---

/** Bytes one root may read through includes: files that include each other twice would double at every level. */
const MAX_INCLUDED_BYTES = 8 * 2 ** 20;
/** What an include costs beside its bytes: bounds how many there may be. */
const INCLUDE_COST = 2000;

interface Expand {
  /** What an include brings. `inside`: files whose blocks enclose it; including one of them again would never end. */
  readonly load: (
    directive: NginxDirective,
    inside: ReadonlySet<string>,
  ) => readonly (readonly NginxDirective[])[] | undefined;
  /** The file a directive was written in. */
  readonly fileOf: (directive: NginxDirective) => string;
}

const NOWHERE: ReadonlySet<string> = new Set();

function buildRoot(source: Source, tree: FileTree, included: Set<Source>): NginxRoot {
  const dump = splitNginxDump(source.text);
  if (dump) return buildDump(source, dump);
  const problems: ParseProblem[] = [];
  const folders = [dirName(source.path), ...parentFolders(source.path)];
  const first = parseNginx(source);
  const parsed = new Map([[source, first]]);
  problems.push(...first.problems);
  const trail: string[] = [source.path];
  let budget = MAX_INCLUDED_BYTES;
  const fileOf = (directive: NginxDirective): string => directive.source.path;
  const load: Expand["load"] = (directive, inside) => {
    const pattern = arg(directive, 0);
    const found = tree.resolve(pattern, folders);
    if (found.length === 0) return /[*?[]/.test(pattern) ? [] : undefined;
    return found.flatMap((file) => {
      if (trail.includes(file.path) || inside.has(file.path)) {
        problems.push({ span: headSpan(directive), message: `include of ${file.path} never ends: it includes itself` });
        return [];
      }
      if (file !== source) included.add(file);
      budget -= file.text.length + INCLUDE_COST;
      if (trail.length > 50 || budget < 0) return [];
      trail.push(file.path);
      const inner = parsed.get(file) ?? parseNginx(file);
      if (!parsed.has(file)) problems.push(...inner.problems);
      parsed.set(file, inner);
      const expanded = expandList(inner.directives, { load, fileOf }, inside);
      trail.pop();
      return [expanded];
    });
  };
  return finishRoot(source, first.directives, { load, fileOf }, problems);
}

function buildDump(source: Source, parts: readonly { name: string; start: number; end: number }[]): NginxRoot {
  const problems: ParseProblem[] = [];
  const first = parts[0];
  const folder = dirName(first?.name ?? "");
  const trail: string[] = [];
  let budget = MAX_INCLUDED_BYTES;
  const cache = new Map<unknown, readonly NginxDirective[]>();
  const read = (part: { name: string; start: number; end: number }): readonly NginxDirective[] => {
    const known = cache.get(part);
    if (known) return known;
    const parsed = parseNginx(source, part);
    problems.push(...parsed.problems);
    cache.set(part, parsed.directives);
    return parsed.directives;
  };
  const fileOf = (directive: NginxDirective): string =>
    parts.find((part) => directive.start >= part.start && directive.start < part.end)?.name ?? "";
  const load: Expand["load"] = (directive, inside) => {
    const pattern = arg(directive, 0);
    const full = pattern.startsWith("/") ? pattern : `${folder}/${pattern}`;
    const regex = globToRegExp(full);
    const found = parts.filter((part) => regex.test(part.name));
    if (found.length === 0) return /[*?[]/.test(pattern) ? [] : undefined;
    return found.flatMap((part) => {
      budget -= part.end - part.start + INCLUDE_COST;
      if (trail.includes(part.name) || inside.has(part.name) || trail.length > 50 || budget < 0) return [];
      trail.push(part.name);
      const expanded = expandList(read(part), { load, fileOf }, inside);
      trail.pop();
      return [expanded];
    });
  };
  return finishRoot(source, first ? read(first) : [], { load, fileOf }, problems);
}

function finishRoot(
  source: Source,
  directives: readonly NginxDirective[],
  expand: Expand,
  problems: ParseProblem[],
): NginxRoot {
  const kind = rootKind(source, directives);
  const main = buildScope(kind, undefined, undefined, directives, expand, NOWHERE);
  return { source, main, complete: kind === "main", problems };
}

/** What the top level of a file is, judged by what stands in it. */
function rootKind(source: Source, directives: readonly NginxDirective[]): string {
  const names = new Set(directives.map((directive) => directive.directive));
  if (names.has("http") || names.has("events") || names.has("stream") || names.has("worker_processes")) return "main";
  if (names.has("server") || names.has("upstream") || names.has("map")) return "http";
  if (names.has("location") || names.has("listen") || names.has("server_name")) return "server";
  return baseName(source.path) === "nginx.conf" ? "main" : "snippet";
}

/** Includes become what they include; an unread one stays as the directive itself. */
function expandList(
  directives: readonly NginxDirective[],
  expand: Expand,
  inside: ReadonlySet<string>,
): NginxDirective[] {
  return directives.flatMap((directive) => {
    if (directive.directive !== "include" || directive.block) return [directive];
    const loaded = expand.load(directive, inside);
    return loaded ? loaded.flat() : [directive];
  });
}

function buildScope(
  kind: string,
  directive: NginxDirective | undefined,
  parent: NginxScope | undefined,
  directives: readonly NginxDirective[],
  expand: Expand,
  inside: ReadonlySet<string>,
  depth = 0,
): NginxScope {
  const own = expandList(directives, expand, inside);
  const scopes: NginxScope[] = [];
  const scope: NginxScope = {
    kind,
    directive,
    parent,
    own,
    scopes,
    missing: own.filter((item) => item.directive === "include" && !item.block),
  };
  if (depth < 200) {
    for (const item of own) {
      if (!item.block) continue;
      const file = expand.fileOf(item);
      const within = inside.has(file) ? inside : new Set([...inside, file]);
      scopes.push(buildScope(item.directive, item, scope, item.block, expand, within, depth + 1));
    }
  }
  return scope;
}

function parentFolders(path: string): string[] {
  const out: string[] = [];
  for (let folder = dirName(path); folder !== "";) {
    folder = dirName(folder);
    out.push(folder);
  }
  return out;
}
