import { GigasttError } from "../../shared/errors.ts";
import { printable } from "../../shared/text/printable.ts";

/** Stable codes of everything that can be wrong with a configuration, and what each means. */
export const PROBLEM_CODES = {
  GST_CONFIG_FILE: "The file cannot be read: missing, a folder, too large, not UTF-8.",
  GST_CONFIG_SYNTAX: "The file is not valid YAML, or uses YAML that a configuration does not need.",
  GST_CONFIG_DUPLICATE_KEY: "A key is given twice.",
  GST_CONFIG_UNKNOWN_KEY: "The key does not exist.",
  GST_CONFIG_MISSING_KEY: "A required key is absent.",
  GST_CONFIG_TYPE: "A value of the wrong kind: text where a number belongs, a list where a section belongs.",
  GST_CONFIG_VALUE: "The right kind, but out of bounds, not one of the choices or not in the format.",
  GST_CONFIG_CONFLICT: "Two keys contradict each other.",
  GST_CONFIG_UNKNOWN_VARIABLE: "Warning: a GIGASTT_* variable that nothing reads.",
  GST_CONFIG_ODD: "Warning: valid, but probably a mistake.",
} as const;

export type ProblemCode = keyof typeof PROBLEM_CODES;

/** Where a value came from. */
export type Place =
  | { readonly kind: "default" }
  /** Computed from other keys. */
  | { readonly kind: "derived"; readonly from: string }
  | {
      readonly kind: "file";
      readonly file: string;
      readonly line: number;
      readonly col: number;
      readonly length: number;
    }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "flag"; readonly name: string };

/** One thing that is wrong (error) or odd (warning) in the configuration. */
export interface Problem {
  readonly severity: "error" | "warning";
  readonly code: ProblemCode;
  readonly place: Place;
  /** Dotted, as in `server.port` or `server.trustedProxies[0]`; empty for the file as a whole. */
  readonly key: string;
  /** What must be true, e.g. `must be a whole number from 0 to 65535`. */
  readonly rule: string;
  /** The value found as it may be shown (secrets redacted); undefined where there is none. */
  readonly found: string | undefined;
  /** What to do about it; may be empty when the rule says it. */
  readonly cure: string;
}

/** More than this many problems are counted, not shown. */
export const MAX_SHOWN = 50;

/** The configuration is not usable. The message lists every problem, one per line. */
export class ConfigError extends GigasttError {
  readonly problems: readonly Problem[];
  /** Text of the file the problems point into, for code frames; undefined when there is none. */
  readonly source: string | undefined;

  constructor(problems: readonly Problem[], source?: string) {
    const shown = problems.slice(0, MAX_SHOWN).map(formatProblem);
    if (problems.length > MAX_SHOWN) shown.push(`… and ${problems.length - MAX_SHOWN} more`);
    super("GST_CONFIG", shown.join("\n"), { exitCode: 2 });
    this.name = "ConfigError";
    this.problems = problems;
    this.source = source;
  }
}

/** Formats a problem on one line: `gigastt.config.yaml:3:9 server.port: must be …, found 70000; write …`. */
export function formatProblem(problem: Problem): string {
  const place = formatPlace(problem.place);
  const head = [place, problem.key].filter((part) => part !== "").join(" ");
  const found = problem.found === undefined ? "" : `, found ${problem.found}`;
  const cure = problem.cure === "" ? "" : `; ${problem.cure}`;
  return `${head === "" ? "" : `${head}: `}${problem.rule}${found}${cure}`;
}

/** Returns `file:line:col`, the variable's or the flag's name, or nothing for a default. */
export function formatPlace(place: Place): string {
  if (place.kind === "file") return place.line === 0 ? place.file : `${place.file}:${place.line}:${place.col}`;
  if (place.kind === "derived") return `derived from ${place.from}`;
  return place.kind === "default" ? "" : place.name;
}

/** Formats a path: `["server", "trustedProxies", "0"]` → `server.trustedProxies[0]`. */
export function formatKey(path: readonly string[]): string {
  return path.map((name, i) => (/^\d+$/.test(name) ? `[${name}]` : `${i === 0 ? "" : "."}${printable(name)}`)).join("");
}
