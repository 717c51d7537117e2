import type { NginxDirective } from "../parse/nginx.ts";
import type { Source, Span } from "../source.ts";
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
  /** Includes whose pattern matches none of the audited files. */
  readonly emptyIncludes: readonly NginxDirective[];
  readonly problems: readonly ParseProblem[];
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
