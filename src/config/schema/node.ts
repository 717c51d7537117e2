import type { FormatName } from "./formats.ts";

/**
 * What happens when a key changes while the service runs:
 * `live` = taken over without a new process, `handover` = a new runtime on the same socket, `restart` = a new socket or process.
 */
export type ReloadClass = "live" | "handover" | "restart";

interface Described {
  readonly title: string;
  readonly description: string;
}

/**
 * A value. JSON Schema keywords plus ours:
 * `x-unit` a string such as `10s` or `50MiB` (resolved to `…Ms` / `…Bytes`), with `x-min` and `x-max` in the same spelling;
 * `x-auto` the word `auto` besides the numbers; `x-env` the variable's name where it is not `GIGASTT_<SECTION>_<KEY>`;
 * `x-env-values` words a variable may hold instead of the value; `x-secret` never printed.
 */
export interface Leaf extends Described {
  readonly type: "string" | "integer" | "number" | "boolean" | readonly ["string" | "integer" | "number", "null"];
  /** `null` = not set; required keys have no default. */
  readonly default?: string | number | boolean | null;
  readonly enum?: readonly string[];
  readonly format?: FormatName;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly examples?: readonly (string | number | boolean)[];
  readonly "x-unit"?: "duration" | "bytes";
  readonly "x-min"?: string;
  readonly "x-max"?: string;
  readonly "x-auto"?: true;
  readonly "x-env"?: string;
  readonly "x-secret"?: true;
  readonly "x-reload"?: ReloadClass;
}

/** A list. Its items may be values or sections. */
export interface List extends Described {
  readonly type: "array";
  readonly items: SchemaNode;
  readonly default?: readonly unknown[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly examples?: readonly (readonly unknown[])[];
  readonly "x-env"?: string;
  readonly "x-env-values"?: Readonly<Record<string, readonly string[]>>;
  readonly "x-reload"?: ReloadClass;
}

/** A map with keys of the user's choice. */
export interface Dictionary extends Described {
  readonly type: "object";
  readonly additionalProperties: SchemaNode;
  readonly default?: Readonly<Record<string, unknown>>;
  readonly maxProperties?: number;
  readonly examples?: readonly Readonly<Record<string, unknown>>[];
  readonly "x-env"?: string;
  readonly "x-reload"?: ReloadClass;
}

/** A map with known keys. Every other key is refused. */
export interface Section extends Described {
  readonly type: "object";
  readonly properties: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
}

export type SchemaNode = Leaf | List | Dictionary | Section;

export function isSection(node: SchemaNode): node is Section {
  return node.type === "object" && "properties" in node;
}

export function isDictionary(node: SchemaNode): node is Dictionary {
  return node.type === "object" && "additionalProperties" in node;
}

export function isList(node: SchemaNode): node is List {
  return node.type === "array";
}

export function isLeaf(node: SchemaNode): node is Leaf {
  return node.type !== "object" && node.type !== "array";
}

/** Returns true when `null` (= not set) is a value of this leaf. */
export function isNullable(leaf: Leaf): boolean {
  return typeof leaf.type !== "string";
}

/** Returns the leaf's type besides `null`. */
export function baseType(leaf: Leaf): "string" | "integer" | "number" | "boolean" {
  return typeof leaf.type === "string" ? leaf.type : leaf.type[0];
}

/** Returns every settable key below a section: values, lists and maps, by dotted path, in the schema's order. */
export function settableKeys(section: Section, prefix = ""): Map<string, Leaf | List | Dictionary> {
  const keys = new Map<string, Leaf | List | Dictionary>();
  for (const [name, node] of Object.entries(section.properties)) {
    const path = prefix === "" ? name : `${prefix}.${name}`;
    if (isSection(node)) for (const [key, leaf] of settableKeys(node, path)) keys.set(key, leaf);
    else keys.set(path, node);
  }
  return keys;
}

/** Returns the node at a dotted path; undefined when the schema has none. Numbers and map keys lead into items. */
export function nodeAt(root: Section, path: readonly string[]): SchemaNode | undefined {
  let node: SchemaNode | undefined = root;
  for (const name of path) {
    if (node === undefined) return undefined;
    if (isSection(node)) node = Object.hasOwn(node.properties, name) ? node.properties[name] : undefined;
    else if (isDictionary(node)) node = node.additionalProperties;
    else if (isList(node)) node = node.items;
    else return undefined;
  }
  return node;
}
