import { closest } from "../shared/text/suggest.ts";
import {
  isLeaf,
  isList,
  baseType,
  isNullable,
  settableKeys,
  type Dictionary,
  type Leaf,
  type List,
  type Section,
} from "./schema/node.ts";
import { printable } from "../shared/text/printable.ts";
import { FORMER_VARIABLES, OPENING_KEYS } from "./former-names.ts";
import { type Problem } from "./problems/problem.ts";

/** GIGASTT_* variables that are not configuration keys, with what reads them. */
export const OTHER_VARIABLES: Readonly<Record<string, string>> = {
  GIGASTT_CONFIG: "The configuration file; --config wins over it.",
  GIGASTT_SOURCE: "Folder of the sources, read by the rendered compose overlay that builds the image itself.",
  GIGASTT_PASSPHRASE: "Passphrase of `gigastt backup` and `gigastt restore`, for runs without a terminal.",
  GIGASTT_PASSWORD:
    "Password for `--user` of `gigastt verify` and `gigastt audit --live`, for runs without a terminal.",
};

/** Values that came as text (variables or flags), as raw configuration values with their names. */
export interface TextLayer {
  /** Nested raw values, as a file would hold them. */
  readonly raw: Record<string, unknown>;
  /** Dotted key → variable or flag name. */
  readonly names: ReadonlyMap<string, string>;
  readonly warnings: readonly Problem[];
}

/** Returns the variable of a key: the schema's own name, else `GIGASTT_<SECTION>_<KEY>`. */
export function variableName(key: string, node: Leaf | List | Dictionary): string {
  if (node["x-env"] !== undefined) return node["x-env"];
  return systematicName(key);
}

/** Reads the GIGASTT_* variables. Unknown ones are warned about; empty ones count as not set. */
export function readVariables(schema: Section, env: Readonly<Record<string, string | undefined>>): TextLayer {
  const byVariable = new Map<string, { key: string; node: Leaf | List | Dictionary }>();
  const keys = settableKeys(schema);
  for (const [key, node] of keys) byVariable.set(variableName(key, node), { key, node });

  const raw: Record<string, unknown> = {};
  const names = new Map<string, string>();
  const warnings: Problem[] = [];
  for (const name of Object.keys(env).sort()) {
    const value = env[name]?.trim();
    if (!name.startsWith("GIGASTT_") || value === undefined || value === "") continue;
    if (isServiceLink(name, value) || Object.hasOwn(OTHER_VARIABLES, name)) continue;
    const former = Object.hasOwn(FORMER_VARIABLES, name) ? FORMER_VARIABLES[name] : undefined;
    const node = former === undefined ? undefined : keys.get(former);
    const known = former === undefined || node === undefined ? byVariable.get(name) : { key: former, node };
    if (known === undefined) {
      warnings.push(unknownVariable(name, byVariable));
      continue;
    }
    setAt(raw, known.key, valueOfText(known.node, value, unitOfName(name)));
    names.set(known.key, name);
  }
  return { raw, names, warnings };
}

/** Turns the text of a flag or a systematic variable into the value a file would hold. Text that does not fit stays text: the validator says why. */
export function valueOfText(node: Leaf | List | Dictionary, text: string, bareUnit?: "s" | "B"): unknown {
  if (isList(node)) {
    const words = node["x-env-values"];
    if (words !== undefined && Object.hasOwn(words, text)) return words[text];
    const json = /^\s*\[/.test(text) ? jsonOrText(text) : text;
    if (typeof json !== "string") return json;
    if (!isLeaf(node.items)) return text;
    const items = node.items;
    // A shell has eaten the quotes of ["a","b"], or there never were any, as in YAML.
    return text
      .replace(/^\s*\[(.*)\]\s*$/s, "$1")
      .split(",")
      .map((item) => item.trim().replace(/^(["'])(.*)\1$/, "$2"))
      .filter((item) => item !== "")
      .map((item) => valueOfText(items, item));
  }
  if (!isLeaf(node)) return jsonOrText(text);
  if (text === "null" && isNullable(node)) return null;
  if (node["x-unit"] !== undefined)
    return bareUnit !== undefined && /^\d+(?:\.\d+)?$/.test(text) ? `${text}${bareUnit}` : text;
  switch (baseType(node)) {
    case "boolean":
      return BOOLEANS[text.toLowerCase()] ?? text;
    case "integer":
    case "number":
      return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
    default:
      return text;
  }
}

/** Sets a dotted key in nested raw values. */
export function setAt(raw: Record<string, unknown>, key: string, value: unknown): void {
  const path = key.split(".");
  let target = raw;
  for (const name of path.slice(0, -1)) target = (target[name] ??= {}) as Record<string, unknown>; // we alone fill it, with records
  target[path[path.length - 1]!] = value;
}

// ---

const BOOLEANS: Readonly<Record<string, boolean>> = { "1": true, true: true, "0": false, false: false };

function systematicName(key: string): string {
  return `GIGASTT_${key
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replaceAll(".", "_")
    .toUpperCase()}`;
}

function unitOfName(name: string): "s" | "B" | undefined {
  if (name.endsWith("_SECS")) return "s";
  return name.endsWith("_BYTES") ? "B" : undefined;
}

/** Kubernetes describes every Service to every pod: a Service called `gigastt` yields GIGASTT_PORT=tcp://…, which is not a setting. */
function isServiceLink(name: string, value: string): boolean {
  return (
    /^GIGASTT_(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT_\d+_\w+)$/.test(name) ||
    (name === "GIGASTT_PORT" && /^(?:tcp|udp|sctp):\/\//.test(value))
  );
}

function unknownVariable(name: string, known: ReadonlyMap<string, { key: string }>): Problem {
  const bySystematicName = [...known].find(([, { key }]) => systematicName(key) === name);
  const harmless = [...known].filter(([, { key }]) => !OPENING_KEYS.has(key)).map(([variable]) => variable);
  const meant = bySystematicName?.[0] ?? closest(name, [...harmless, ...Object.keys(OTHER_VARIABLES)]);
  return {
    severity: "warning",
    code: "GST_CONFIG_UNKNOWN_VARIABLE",
    place: { kind: "variable", name: printable(name) },
    key: "",
    rule: "is not a known setting; the variable is ignored",
    found: undefined,
    cure: meant === undefined ? "see `gigastt config explain`" : `did you mean ${meant}?`,
  };
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
