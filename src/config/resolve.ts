import { formatBytes, formatDuration, parseBytes, parseDurationMs } from "../shared/units.ts";
import {
  isDictionary,
  isLeaf,
  isList,
  isNullable,
  isSection,
  type Leaf,
  type SchemaNode,
  type Section,
} from "./schema/node.ts";

/**
 * Turns validated raw values into resolved ones, defaults filled in, deeply frozen.
 * `idleTimeout: 300s` becomes `idleTimeoutMs: 300000`, `body: 50MiB` becomes `bodyBytes`, `null` becomes undefined.
 * Takes valid values only; absent ones get their default.
 */
export function resolveSection(section: Section, raw: unknown): Readonly<Record<string, unknown>> {
  const values: Record<string, unknown> = isRecord(raw) ? raw : {};
  const resolved: Record<string, unknown> = {};
  for (const [name, node] of Object.entries(section.properties)) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    resolved[resolvedName(name, node)] = resolveNode(node, value);
  }
  return Object.freeze(resolved);
}

/** Returns the key's name after resolution: `idleTimeout` → `idleTimeoutMs`. */
export function resolvedName(name: string, node: SchemaNode): string {
  const unit = unitOf(node);
  return unit === undefined ? name : `${name}${unit === "duration" ? "Ms" : "Bytes"}`;
}

/** Returns the resolved value at a dotted schema path (`session.idleTimeout`), out of a resolved configuration. */
export function resolvedValue(root: Section, resolved: unknown, path: readonly string[]): unknown {
  let node: SchemaNode | undefined = root;
  let value = resolved;
  for (const name of path) {
    if (node === undefined || !isSection(node) || !isRecord(value)) return undefined;
    node = node.properties[name];
    if (node === undefined) return undefined;
    value = value[resolvedName(name, node)];
  }
  return value;
}

/** Returns the spelling of a resolved value in YAML terms: 300000 → `5m` for a duration leaf, undefined → null. */
export function unresolve(node: SchemaNode, value: unknown): unknown {
  if (value === undefined) return null;
  if (isSection(node)) {
    const record = isRecord(value) ? value : {};
    return Object.fromEntries(
      Object.entries(node.properties).map(([name, child]) => [
        name,
        unresolve(child, record[resolvedName(name, child)]),
      ]),
    );
  }
  if (isDictionary(node)) {
    return Object.fromEntries(
      Object.entries(isRecord(value) ? value : {}).map(([name, child]) => [
        name,
        unresolve(node.additionalProperties, child),
      ]),
    );
  }
  if (isList(node)) return Array.isArray(value) ? value.map((item: unknown) => unresolve(node.items, item)) : value;
  if (node["x-unit"] === "duration" && value === 0) return 0;
  // The schema's own spelling where it fits: 3600s is easier to find again than 1h.
  if (node["x-unit"] !== undefined && resolveLeaf(node, node.default) === value) return node.default;
  if (typeof value === "number" && node["x-unit"] === "duration") return formatDuration(value);
  if (typeof value === "number" && node["x-unit"] === "bytes") return formatBytes(value);
  return value;
}

/** What stands for a secret wherever it would be shown. */
export const REDACTED = "[REDACTED]";

/** Returns an unresolved value with its secrets replaced, for everything that is shown. */
export function redacted(node: SchemaNode, value: unknown): unknown {
  if (value === null || value === undefined) return value;
  if (isSection(node)) {
    return mapValues(value, (name, child) => {
      const known = node.properties[name];
      return known === undefined ? child : redacted(known, child);
    });
  }
  if (isDictionary(node)) return mapValues(value, (_, child) => redacted(node.additionalProperties, child));
  if (isList(node)) return Array.isArray(value) ? value.map((item: unknown) => redacted(node.items, item)) : value;
  return node["x-secret"] === true ? REDACTED : value;
}

/** Returns true when the node itself or anything in it is secret. */
export function holdsSecret(node: SchemaNode): boolean {
  if (isSection(node)) return Object.values(node.properties).some(holdsSecret);
  if (isDictionary(node)) return holdsSecret(node.additionalProperties);
  return isList(node) ? holdsSecret(node.items) : node["x-secret"] === true;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// ---

function mapValues(value: unknown, change: (name: string, child: unknown) => unknown): unknown {
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, change(name, child)]));
}

function resolveNode(node: SchemaNode, value: unknown): unknown {
  if (isSection(node)) return resolveSection(node, value);
  if (isDictionary(node)) {
    const entries = isRecord(value) ? value : (node.default ?? {});
    return Object.freeze(
      Object.fromEntries(
        Object.entries(entries).map(([name, child]) => [name, resolveNode(node.additionalProperties, child)]),
      ),
    );
  }
  if (isList(node)) {
    const items: readonly unknown[] = Array.isArray(value) ? value : (node.default ?? []);
    return Object.freeze(items.map((item) => resolveNode(node.items, item)));
  }
  if (value === null && isNullable(node)) return undefined;
  return resolveLeaf(node, value) ?? resolveLeaf(node, node.default);
}

function resolveLeaf(leaf: Leaf, value: unknown): unknown {
  if (value === null) return undefined;
  if (leaf["x-unit"] === undefined) return value;
  if (value === 0) return 0;
  if (typeof value !== "string") return undefined;
  return leaf["x-unit"] === "duration" ? parseDurationMs(value) : parseBytes(value);
}

function unitOf(node: SchemaNode): "duration" | "bytes" | undefined {
  if (isLeaf(node)) return node["x-unit"];
  if (isList(node)) return unitOf(node.items);
  return undefined;
}
