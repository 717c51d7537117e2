import type { CaddyArg, CaddyDirective, CaddyFile, CaddySite } from "../parse/caddyfile-tree.ts";
import type { Span } from "../source.ts";
import type { Address } from "./address.ts";
import { parseAddress } from "./address.ts";

/** One `reverse_proxy` with the blocks around it, outermost first. */
export interface CaddyPoint {
  readonly file: CaddyFile;
  readonly site: CaddySite;
  readonly proxy: CaddyDirective;
  readonly around: readonly CaddyDirective[];
  readonly targets: readonly (Address & { readonly span: Span })[];
  /** Path patterns that lead here; empty = every path. */
  readonly paths: readonly string[];
}

const NESTING = new Set(["handle", "handle_path", "route", "handle_errors", "handle_response", "intercept"]);

/** Every `reverse_proxy` of a file. */
export function caddyPoints(file: CaddyFile): readonly CaddyPoint[] {
  const points: CaddyPoint[] = [];
  for (const site of file.sites) {
    visit(site.directives, [], (directive, around) => {
      if (directive.name !== "reverse_proxy") return;
      points.push({
        file,
        site,
        proxy: directive,
        around,
        targets: proxyTargets(directive),
        paths: pathsOf(site, [...around, directive]),
      });
    });
  }
  return points;
}

/** Walks directives and the blocks that hold further directives. */
export function visit(
  directives: readonly CaddyDirective[],
  around: readonly CaddyDirective[],
  see: (directive: CaddyDirective, around: readonly CaddyDirective[]) => void,
): void {
  for (const directive of directives) {
    see(directive, around);
    if (directive.block && NESTING.has(directive.name)) visit(directive.block, [...around, directive], see);
  }
}

/** Subdirectives of a name. */
export function children(directive: CaddyDirective | undefined, name: string): readonly CaddyDirective[] {
  return (directive?.block ?? []).filter((child) => child.name === name);
}

export function child(directive: CaddyDirective | undefined, ...path: readonly string[]): CaddyDirective | undefined {
  let at = directive;
  for (const name of path) at = at?.block?.find((item) => item.name === name);
  return at;
}

/** Arguments without a leading matcher. */
export function plainArgs(directive: CaddyDirective): readonly CaddyArg[] {
  const [first, ...rest] = directive.args;
  return first && isMatcher(first) ? rest : directive.args;
}

export function isMatcher(argument: CaddyArg): boolean {
  return (
    argument.quote === "" &&
    (argument.value === "*" || argument.value.startsWith("/") || argument.value.startsWith("@"))
  );
}

/** Name and arguments of a directive as a span, without its block. */
export function caddyHead(directive: CaddyDirective): Span {
  const last = directive.args.findLast(
    (argument) => argument.source === directive.source && argument.start > directive.start,
  );
  return { source: directive.source, start: directive.start, end: Math.max(directive.nameSpan.end, last?.end ?? 0) };
}

/** Milliseconds of a Go duration with days (`10s`, `1h30m`, `-1`, `0`). */
export function goDurationMs(text: string): number | undefined {
  if (text === "0") return 0;
  const match = /^-?(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d))+$/.test(text);
  if (!match) return undefined;
  const units: Readonly<Record<string, number>> = {
    ns: 1e-6,
    us: 1e-3,
    µs: 1e-3,
    ms: 1,
    s: 1000,
    m: 60_000,
    h: 3_600_000,
    d: 86_400_000,
  };
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/g)) {
    total += Number(amount) * (units[unit ?? ""] ?? 0);
  }
  return text.startsWith("-") ? -total : total;
}

/** Bytes of a go-humanize size: `50MB` is decimal, `50MiB` binary, a bare number bytes. */
export function humanizeBytes(text: string): number | undefined {
  const match = /^([\d.,]+)\s*([kmgtp]?i?b?)$/i.exec(text.trim());
  if (!match) return undefined;
  const amount = Number((match[1] ?? "").replace(/,/g, ""));
  const unit = (match[2] ?? "").toLowerCase();
  const power = "kmgtp".indexOf(unit[0] ?? " ") + 1;
  const base = unit.includes("i") ? 1024 : 1000;
  return Number.isFinite(amount) ? Math.floor(amount * (power > 0 ? base ** power : 1)) : undefined;
}

/** Patterns of the named matcher, inline path or handle block that guard a directive. */
export function pathsOf(site: CaddySite, chain: readonly CaddyDirective[]): readonly string[] {
  let paths: readonly string[] = [];
  for (const directive of chain) {
    const own = matcherPaths(site, directive);
    if (own.length > 0) paths = own;
  }
  return paths;
}

/** Whether a Caddy path pattern (`/api/*`, `*.js`, `/health`) matches a path. */
export function caddyPathMatches(pattern: string, path: string): boolean {
  const want = pattern.toLowerCase();
  const have = path.toLowerCase();
  if (want === "*" || want === "/*") return true;
  if (want.startsWith("*") && want.endsWith("*") && want.length > 1) return have.includes(want.slice(1, -1));
  if (want.endsWith("*")) return have.startsWith(want.slice(0, -1));
  if (want.startsWith("*")) return have.endsWith(want.slice(1));
  return have === want;
}

// ---

function matcherPaths(site: CaddySite, directive: CaddyDirective): readonly string[] {
  const first = directive.args[0];
  if (!first || !isMatcher(first) || first.value === "*") return [];
  if (first.value.startsWith("/")) return [first.value];
  const definition = site.directives.find((item) => item.name === first.value);
  if (!definition) return [];
  if (definition.args[0]?.value === "path") return definition.args.slice(1).map((argument) => argument.value);
  return (definition.block ?? [])
    .filter((item) => item.name === "path")
    .flatMap((item) => item.args.map((argument) => argument.value));
}

function proxyTargets(proxy: CaddyDirective): readonly (Address & { readonly span: Span })[] {
  const listed = [...plainArgs(proxy), ...children(proxy, "to").flatMap((to) => to.args)];
  return listed.map((argument) => ({ ...parseAddress(argument.value), span: argument }));
}
