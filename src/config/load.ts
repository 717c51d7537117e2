import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import type { Machine } from "./rules/rule.ts";
import { CROSS_RULES } from "./rules/all.ts";
import { withDeployment } from "./deployment.ts";
import { findFile, type FoundFile } from "./file/files.ts";
import { namedLayer, placed, readOverrides, type Layer } from "./layers.ts";
import { settableKeys } from "./schema/node.ts";
import type { ParsedFile } from "./file/parse.ts";
import { ConfigError, type Place, type Problem } from "./problems/problem.ts";
import { isPlainlyValid } from "./quick.ts";
import { isRecord, redacted, resolveSection } from "./resolve.ts";
import { configSchema } from "./schema/schema.ts";
import type { ResolvedConfig } from "./types.ts";
import type { Finding } from "./problems/validate.ts";
import { withAbsoluteFolders } from "./data-folders.ts";
import { readVariables, setAt } from "./variables.ts";

export interface LoadOptions {
  /** `--config FILE`; must exist. Without it the file is searched for. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Flags: dotted key → text, as in `pool.size` → `8`. */
  readonly overrides?: Readonly<Record<string, string>> | undefined;
  /** Dotted key → the flag as the user typed it, for problems; `--set KEY` when absent. */
  readonly flagNames?: Readonly<Record<string, string>> | undefined;
  readonly cwd: string;
  readonly machine?: Machine;
}

export interface LoadedConfig {
  readonly config: ResolvedConfig;
  /** Absolute; undefined when no file was found and the defaults apply. */
  readonly path: string | undefined;
  /**
   * SHA-256 over the canonical JSON of the resolved configuration, hex: equal settings, equal hash, wherever they came from. It is shown and
   * written into rendered files, so secrets are left out: a weak one could be guessed from it.
   */
  readonly hash: string;
  readonly warnings: readonly Problem[];
  /** Dotted key → where its value came from; keys that are absent have their default. */
  readonly origins: ReadonlyMap<string, Place>;
  /** Text of the file, for code frames. */
  readonly source: string | undefined;
}

/**
 * Finds, reads, validates and resolves the configuration: defaults, then the file, then GIGASTT_* variables, then flags.
 * Throws ConfigError with every problem at once. `yaml` is loaded only when there is a file, `ajv` only when something in it is wrong.
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const loaded = await assemble(await findFile(options), options);
  return { ...loaded, config: withAbsoluteFolders(loaded.config, options.cwd) };
}

/** Does the work of `loadConfig` for a file that was read already, or for none. */
export async function assemble(
  found: FoundFile | undefined,
  options: Omit<LoadOptions, "file" | "cwd">,
): Promise<LoadedConfig> {
  const layers: Layer[] = [];
  const problems: Problem[] = [];
  const warnings: Problem[] = [];

  let parsed: ParsedFile | undefined;
  if (found !== undefined) {
    const { parseConfigText } = await import("./file/parse.ts");
    parsed = parseConfigText(found.bytes, found.shown);
    problems.push(...parsed.problems);
    layers.push({ raw: parsed.raw, place: parsed.locate });
  }
  // What a broken file would have said is unknown: rules over several keys cannot be checked.
  const broken = parsed?.problems.some((problem) => problem.code !== "GST_CONFIG_DUPLICATE_KEY") === true;
  const variables = readVariables(configSchema, options.env);
  warnings.push(...variables.warnings);
  if (variables.names.size > 0) layers.push(namedLayer(variables.raw, variables.names, "variable"));
  const flags = readOverrides(configSchema, options.overrides ?? {}, options.flagNames ?? {});
  problems.push(...flags.problems);
  if (flags.names.size > 0) layers.push(namedLayer(flags.raw, flags.names, "flag"));

  const merged: Record<string, unknown> = {};
  const origins = new Map<string, Place>();
  const invalid = createInvalidKeys();
  for (const layer of layers) {
    for (const finding of await findingsOf(layer.raw)) {
      problems.push(placed(finding, layer));
      invalid.add(finding.path.join("."));
    }
    for (const [key] of settableKeys(configSchema)) {
      const value = valueAt(layer.raw, key);
      if (value === undefined || invalid.touches(key)) continue;
      setAt(merged, key, value);
      origins.set(key, layer.place(key.split("."), "value"));
    }
  }

  // The schema's shape is ResolvedConfig's: a test proves it.
  const asSet = resolveSection(configSchema, merged) as unknown as ResolvedConfig;
  const config = withDeployment(asSet);
  for (const key of ["trustedProxies", "allowedOrigins"] as const) {
    if (config.server[key] !== asSet.server[key]) origins.set(`server.${key}`, { kind: "derived", from: "deploy" });
  }
  if (!broken) {
    for (const problem of applyRules(config, options.machine ?? { cores: availableParallelism() }, origins, invalid)) {
      (problem.severity === "error" ? problems : warnings).push(problem);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems.sort(byPlace), parsed?.text);
  return {
    config,
    path: found?.path,
    hash: hashOf(config),
    warnings: warnings.sort(byPlace),
    origins,
    source: parsed?.text,
  };
}

/** Returns the SHA-256 over canonical JSON (sorted keys, undefined left out, secrets replaced), hex. */
export function hashOf(config: ResolvedConfig): string {
  return createHash("sha256")
    .update(canonical(redacted(configSchema, config)))
    .digest("hex");
}

// ---

/** The validator is loaded only when something may be wrong. */
async function findingsOf(raw: unknown): Promise<readonly Finding[]> {
  if (raw === undefined || isPlainlyValid(configSchema, raw)) return [];
  const { validate } = await import("./problems/validate.ts");
  return validate(raw);
}

function applyRules(
  config: ResolvedConfig,
  machine: Machine,
  origins: ReadonlyMap<string, Place>,
  invalid: InvalidKeys,
): Problem[] {
  return CROSS_RULES.flatMap((rule) => {
    if (rule.keys.some((key) => invalid.touches(key))) return [];
    const finding = rule.check(config, machine);
    if (finding === undefined) return [];
    // Two defaults never conflict: one of the keys was set by the user, the named one if possible.
    const set = rule.keys.find((key) => origins.has(key));
    return [
      {
        severity: rule.severity,
        code: rule.severity === "error" ? "GST_CONFIG_CONFLICT" : "GST_CONFIG_ODD",
        place: (set === undefined ? undefined : origins.get(set)) ?? { kind: "default" },
        key: rule.keys[0],
        rule: finding.rule,
        found: finding.found,
        cure: finding.cure,
      },
    ];
  });
}

function valueAt(raw: unknown, key: string): unknown {
  let value = raw;
  for (const name of key.split(".")) {
    if (!isRecord(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

interface InvalidKeys {
  add(path: string): void;
  /** True when the key, something above it or something in it was found invalid. */
  touches(key: string): boolean;
}

function createInvalidKeys(): InvalidKeys {
  const invalid = new Set<string>();
  const above = new Set<string>();
  return {
    add: (path) => {
      invalid.add(path);
      for (const parent of withParents(path)) above.add(parent);
    },
    touches: (key) => above.has(key) || invalid.has("") || withParents(key).some((parent) => invalid.has(parent)),
  };
}

/** `a.b.c` → `a.b.c`, `a.b`, `a`. */
function withParents(path: string): readonly string[] {
  const names = path.split(".");
  return names.map((_, index) => names.slice(0, names.length - index).join("."));
}

/** The file from top to bottom, then variables, then flags. */
function byPlace(a: Problem, b: Problem): number {
  const rank = { file: 0, variable: 1, flag: 2, derived: 3, default: 4 };
  if (a.place.kind === "file" && b.place.kind === "file")
    return a.place.line - b.place.line || a.place.col - b.place.col;
  return rank[a.place.kind] - rank[b.place.kind];
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isRecord(value)) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, child]) => child !== undefined);
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([name, child]) => `${JSON.stringify(name)}:${canonical(child)}`).join(",")}}`;
}
