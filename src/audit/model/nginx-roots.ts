import type { NginxDirective } from "../parse/nginx.ts";
import { parseNginx, splitNginxDump } from "../parse/nginx.ts";
import type { ParseProblem } from "../parts.ts";
import type { Source } from "../source.ts";
import type { FileTree } from "../tree.ts";
import { baseName, dirName, globToRegExp } from "../tree.ts";
import type { NginxRoot, NginxScope } from "./nginx.ts";
import { arg, headSpan } from "./nginx.ts";

/** All roots of a tree: every nginx file that no other file includes. */
export function buildNginxRoots(files: readonly Source[], tree: FileTree): readonly NginxRoot[] {
  const included = new Set<Source>();
  const built = files.map((source) => buildRoot(source, tree, included));
  // Files that include each other would leave no root at all: keep them then.
  const roots = built.filter((root) => !included.has(root.source));
  const used = roots.filter((root) => !isUnusedSnippet(root, roots));
  return used.length > 0 ? used : built;
}

// ---

/** Lines for an include that nothing includes, below the nginx.conf of the tree: Debian ships proxy_params like that. */
function isUnusedSnippet(root: NginxRoot, roots: readonly NginxRoot[]): boolean {
  if (root.main.kind !== "snippet") return false;
  return roots.some(
    (other) =>
      other.complete && isBelow(root.source.path, dirName(other.source.path)) && includesSomething(other.source),
  );
}

function isBelow(path: string, folder: string): boolean {
  return folder === "" || path.startsWith(`${folder}/`);
}

/** A main file without includes says nothing about what lies beside it. */
function includesSomething(source: Source): boolean {
  return /^\s*include\s/m.test(source.text);
}

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
  const emptyIncludes: NginxDirective[] = [];
  let budget = MAX_INCLUDED_BYTES;
  const fileOf = (directive: NginxDirective): string => directive.source.path;
  const load: Expand["load"] = (directive, inside) => {
    const pattern = arg(directive, 0);
    const found = tree.resolve(pattern, folders);
    if (found.length === 0) return unmatched(directive, emptyIncludes);
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
  return finishRoot(source, first.directives, { load, fileOf }, { problems, emptyIncludes });
}

function buildDump(source: Source, parts: readonly { name: string; start: number; end: number }[]): NginxRoot {
  const problems: ParseProblem[] = [];
  const first = parts[0];
  const folder = dirName(first?.name ?? "");
  const trail: string[] = [];
  const emptyIncludes: NginxDirective[] = [];
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
    if (found.length === 0) return unmatched(directive, emptyIncludes);
    return found.flatMap((part) => {
      budget -= part.end - part.start + INCLUDE_COST;
      if (trail.includes(part.name) || inside.has(part.name) || trail.length > 50 || budget < 0) return [];
      trail.push(part.name);
      const expanded = expandList(read(part), { load, fileOf }, inside);
      trail.pop();
      return [expanded];
    });
  };
  return finishRoot(source, first ? read(first) : [], { load, fileOf }, { problems, emptyIncludes });
}

function finishRoot(
  source: Source,
  directives: readonly NginxDirective[],
  expand: Expand,
  collected: Pick<NginxRoot, "problems" | "emptyIncludes">,
): NginxRoot {
  const kind = rootKind(source, directives);
  const main = buildScope(kind, undefined, undefined, directives, expand, NOWHERE);
  return { source, main, complete: kind === "main", ...collected };
}

/** nginx accepts a pattern without a match, and stops at a name without a file. */
function unmatched(include: NginxDirective, emptyIncludes: NginxDirective[]): [] | undefined {
  if (!/[*?[]/.test(arg(include, 0))) return undefined;
  emptyIncludes.push(include);
  return [];
}

/** What the top level of a file is, by what it contains. */
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
