import { parseBytes, parseDurationMs } from "../shared/units.ts";
import { FORMATS } from "./schema/formats.ts";
import { baseType, isDictionary, isList, isNullable, isSection, type Leaf, type SchemaNode } from "./schema/node.ts";
import { isRecord } from "./resolve.ts";

/**
 * Returns true when a raw value is valid beyond doubt. False means "ask the validator", not "invalid": this walk accepts only, it never
 * explains. It spares a healthy start the loading and compiling of ajv (about as long as Node itself takes to start, and 10 MB).
 * A property test proves that what it accepts the validator accepts too.
 */
export function isPlainlyValid(node: SchemaNode, value: unknown): boolean {
  if (isSection(node)) {
    if (value === null || value === undefined) return node.required === undefined;
    if (!isRecord(value)) return false;
    if (node.required?.some((name) => !Object.hasOwn(value, name)) === true) return false;
    return Object.entries(value).every(([name, child]) => {
      const known = Object.hasOwn(node.properties, name) ? node.properties[name] : undefined;
      return known !== undefined && isPlainlyValid(known, child);
    });
  }
  if (isList(node)) {
    if (!Array.isArray(value)) return false;
    if (value.length < (node.minItems ?? 0) || value.length > (node.maxItems ?? Infinity)) return false;
    // Equality of anything but plain values is the validator's business.
    if (
      node.uniqueItems === true &&
      (value.some((item) => typeof item === "object") || new Set(value).size < value.length)
    ) {
      return false;
    }
    return value.every((item) => isPlainlyValid(node.items, item));
  }
  if (isDictionary(node)) {
    if (!isRecord(value) || Object.keys(value).length > (node.maxProperties ?? Infinity)) return false;
    return Object.values(value).every((child) => isPlainlyValid(node.additionalProperties, child));
  }
  return isPlainlyValidLeaf(node, value);
}

// ---

function isPlainlyValidLeaf(leaf: Leaf, value: unknown): boolean {
  if (value === null) return isNullable(leaf);
  const unit = leaf["x-unit"];
  if (unit !== undefined) {
    const parse = unit === "duration" ? parseDurationMs : parseBytes;
    const amount = typeof value === "string" ? parse(value) : unit === "duration" && value === 0 ? 0 : undefined;
    const [min, max] = [leaf["x-min"], leaf["x-max"]].map((bound) => (bound === undefined ? undefined : parse(bound)));
    return amount !== undefined && amount >= (min ?? 0) && amount <= (max ?? Infinity);
  }
  switch (baseType(leaf)) {
    case "boolean":
      return typeof value === "boolean";
    case "string":
      return typeof value === "string" && isPlainlyValidText(leaf, value);
    default:
      if (value === "auto") return leaf["x-auto"] === true;
      if (typeof value !== "number" || !Number.isFinite(value)) return false;
      if (baseType(leaf) === "integer" && !Number.isInteger(value)) return false;
      return value >= (leaf.minimum ?? -Infinity) && value <= (leaf.maximum ?? Infinity);
  }
}

function isPlainlyValidText(leaf: Leaf, text: string): boolean {
  if (leaf.enum !== undefined) return leaf.enum.includes(text);
  // UTF-16 units are never fewer than the characters the validator counts, and never more than twice as many.
  if (text.length > (leaf.maxLength ?? Infinity) || text.length < 2 * (leaf.minLength ?? 0)) return false;
  return leaf.format === undefined || FORMATS[leaf.format].matches(text);
}
