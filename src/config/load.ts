import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { isAbsolute, join, relative, resolve } from "node:path";
import { messageOf } from "../shared/errors.ts";
import { closest } from "../shared/suggest.ts";
import { CROSS_RULES, type Machine } from "./cross.ts";
import { withDeployment } from "./deployment.ts";
import { isSection, settableKeys } from "./node.ts";
import type { ParsedFile } from "./parse.ts";
import { ConfigError, formatKey, printable, type Place, type Problem } from "./problem.ts";
import { isRecord, resolveSection } from "./resolve.ts";
import { configSchema } from "./schema.ts";
import type { ResolvedConfig } from "./types.ts";
import type { Finding } from "./validate.ts";
import { readVariables, setAt, valueOfText } from "./variables.ts";

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
  /** SHA-256 over the canonical JSON of the resolved configuration, hex: equal settings, equal hash, wherever they came from. */
  readonly hash: string;
  readonly warnings: readonly Problem[];
  /** Dotted key → where its value came from; keys that are absent have their default. */
  readonly origins: ReadonlyMap<string, Place>;
  /** Text of the file, for code frames. */
  readonly source: string | undefined;
}

/**
 * Finds, reads, validates and resolves the configuration: defaults, then the file, then GIGASTT_* variables, then flags.
 * Throws ConfigError with every problem at once. `yaml` and `ajv` are loaded only when there is something to parse or to check.
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const found = await findFile(options);
  const layers: Layer[] = [];
  const problems: Problem[] = [];
  const warnings: Problem[] = [];

  let parsed: ParsedFile | undefined;
  if (found !== undefined) {
    const { parseConfigText } = await import("./parse.ts");
    parsed = parseConfigText(found.bytes, found.shown);
    problems.push(...parsed.problems);
    layers.push({ raw: parsed.raw, place: parsed.locate, keys: undefined });
  }
  const variables = readVariables(configSchema, options.env);
  warnings.push(...variables.warnings);
  if (variables.names.size > 0) layers.push(namedLayer(variables.raw, variables.names, "variable"));
  const flags = readOverrides(options);
  problems.push(...flags.problems);
  if (flags.names.size > 0) layers.push(namedLayer(flags.raw, flags.names, "flag"));

  const merged: Record<string, unknown> = {};
  const origins = new Map<string, Place>();
  const invalid = new Set<string>();
  if (layers.length > 0) {
    const { validate } = await import("./validate.ts");
    for (const layer of layers) {
      for (const finding of layer.raw === undefined ? [] : validate(layer.raw)) {
        problems.push(placed(finding, layer));
        invalid.add(finding.path.join("."));
      }
      for (const [key] of settableKeys(configSchema)) {
        const value = valueAt(layer.raw, key);
        if (value === undefined || isInvalid(invalid, key)) continue;
        setAt(merged, key, value);
        origins.set(key, layer.place(key.split("."), "value"));
      }
    }
    for (const finding of validate(merged, { required: true })) {
      if (finding.code === "GST_CONFIG_MISSING_KEY" && !isInvalid(invalid, finding.path.join("."))) {
        problems.push(placed(finding, layers[0]!));
      }
    }
  }

  // The schema's shape is ResolvedConfig's: a test proves it.
  const config = withDeployment(resolveSection(configSchema, merged) as unknown as ResolvedConfig);
  const machine = options.machine ?? { cores: availableParallelism() };
  for (const rule of CROSS_RULES) {
    if (rule.keys.some((key) => isInvalid(invalid, key))) continue;
    const finding = rule.check(config, machine);
    if (finding === undefined) continue;
    const key = rule.keys.find((candidate) => origins.has(candidate)) ?? rule.keys[0];
    (rule.severity === "error" ? problems : warnings).push({
      severity: rule.severity,
      code: rule.severity === "error" ? "GST_CONFIG_CONFLICT" : "GST_CONFIG_ODD",
      place: origins.get(rule.keys[0]) ?? origins.get(key) ?? { kind: "default" },
      key: rule.keys[0],
      rule: finding.rule,
      found: finding.found,
      cure: finding.cure,
    });
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

/** SHA-256 over canonical JSON (sorted keys, undefined left out), hex. */
export function hashOf(config: ResolvedConfig): string {
  return createHash("sha256").update(canonical(config)).digest("hex");
}

/** Places where the file is looked for when neither `--config` nor GIGASTT_CONFIG names one, in order. */
export function searchPath(env: LoadOptions["env"], cwd: string): string[] {
  const home = env["XDG_CONFIG_HOME"] || (env["HOME"] ? join(env["HOME"], ".config") : undefined);
  return [
    join(cwd, FILE_NAME),
    ...(home !== undefined && isAbsolute(home) ? [join(home, "gigastt", FILE_NAME)] : []),
    `/etc/gigastt/${FILE_NAME}`,
  ];
}

// --- files

const FILE_NAME = "gigastt.config.yaml";
/** A configuration with every key and comment has about 20 KiB. */
const MAX_FILE_BYTES = 256 * 1024;

interface FoundFile {
  readonly path: string;
  /** As problems name it: relative when it is below the working directory. */
  readonly shown: string;
  readonly bytes: Uint8Array;
}

async function findFile(options: LoadOptions): Promise<FoundFile | undefined> {
  const fromEnv = options.env["GIGASTT_CONFIG"]?.trim();
  const asked = options.file ?? (fromEnv === "" ? undefined : fromEnv);
  if (asked !== undefined) {
    const source = options.file === undefined ? "GIGASTT_CONFIG" : "--config";
    const file = await readFile(resolve(options.cwd, asked), options.cwd);
    if (file !== undefined) return file;
    throw fileError(
      asked,
      `no such file (from ${source})`,
      "check the path; `gigastt config print --commented --defaults` writes a new one",
    );
  }
  for (const candidate of searchPath(options.env, options.cwd)) {
    const file = await readFile(candidate, options.cwd);
    if (file !== undefined) return file;
  }
  return undefined;
}

/** undefined when there is no such file. */
async function readFile(path: string, cwd: string): Promise<FoundFile | undefined> {
  const fromCwd = relative(cwd, path);
  const shown = fromCwd !== "" && !fromCwd.startsWith("..") && !isAbsolute(fromCwd) ? fromCwd : path;
  let handle;
  try {
    handle = await open(path, "r");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw fileError(
      shown,
      `cannot be read: ${messageOf(error)}`,
      code === "EACCES" ? "check the permissions of the file and its folders" : "check the path",
    );
  }
  try {
    const stat = await handle.stat();
    if (stat.isDirectory())
      throw fileError(shown, "must be a file, this is a folder", `for example ${join(shown, FILE_NAME)}`);
    // A pipe or /dev/stdin has no size: read up to the limit and one byte more.
    const buffer = Buffer.alloc(MAX_FILE_BYTES + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    if (length > MAX_FILE_BYTES)
      throw fileError(shown, `must be at most ${MAX_FILE_BYTES / 1024}KiB, this is more`, "is this the right file?");
    return { path, shown, bytes: buffer.subarray(0, length) };
  } finally {
    await handle.close();
  }
}

function fileError(file: string, rule: string, cure: string): ConfigError {
  return new ConfigError([
    {
      severity: "error",
      code: "GST_CONFIG_FILE",
      place: { kind: "file", file: printable(file, 300), line: 0, col: 0, length: 0 },
      key: "",
      rule,
      found: undefined,
      cure,
    },
  ]);
}

// --- layers

interface Layer {
  readonly raw: unknown;
  readonly place: (path: readonly string[], target: "key" | "value") => Place;
  readonly keys: ReadonlyMap<string, string> | undefined;
}

function namedLayer(raw: unknown, names: ReadonlyMap<string, string>, kind: "variable" | "flag"): Layer {
  return {
    raw,
    keys: names,
    place: (path) => {
      for (let length = path.length; length > 0; length--) {
        const name = names.get(path.slice(0, length).join("."));
        if (name !== undefined) return { kind, name };
      }
      return { kind: "default" };
    },
  };
}

function placed(finding: Finding, layer: Layer): Problem {
  return {
    severity: "error",
    code: finding.code,
    place: layer.place(finding.path, finding.target),
    key: formatKey(finding.path),
    rule: finding.rule,
    found: finding.found,
    cure: finding.cure,
  };
}

function readOverrides(options: LoadOptions): {
  raw: Record<string, unknown>;
  names: Map<string, string>;
  problems: Problem[];
} {
  const keys = settableKeys(configSchema);
  const raw: Record<string, unknown> = {};
  const names = new Map<string, string>();
  const problems: Problem[] = [];
  for (const [key, text] of Object.entries(options.overrides ?? {})) {
    const node = keys.get(key);
    const flag = options.flagNames?.[key] ?? "--set";
    if (node !== undefined) {
      setAt(raw, key, valueOfText(node, text));
      names.set(key, flag);
      continue;
    }
    const section = configSchema.properties[key];
    const meant = closest(key, keys.keys());
    problems.push({
      severity: "error",
      code: "GST_CONFIG_UNKNOWN_KEY",
      place: { kind: "flag", name: flag },
      key: printable(key),
      rule: section !== undefined && isSection(section) ? "is a section, not a key" : "is not a known key",
      found: undefined,
      cure:
        section !== undefined && isSection(section)
          ? `set one of its keys, for example ${key}.${Object.keys(section.properties)[0]}`
          : meant === undefined
            ? "see `gigastt config explain`"
            : `did you mean ${meant}?`,
    });
  }
  return { raw, names, problems };
}

function valueAt(raw: unknown, key: string): unknown {
  let value = raw;
  for (const name of key.split(".")) {
    if (!isRecord(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** True when the key, something above it or something in it was found invalid. */
function isInvalid(invalid: ReadonlySet<string>, key: string): boolean {
  for (const path of invalid) {
    if (path === key || path === "" || path.startsWith(`${key}.`) || key.startsWith(`${path}.`)) return true;
  }
  return false;
}

/** The file from top to bottom, then variables, then flags. */
function byPlace(a: Problem, b: Problem): number {
  const rank = { file: 0, variable: 1, flag: 2, default: 3 };
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
