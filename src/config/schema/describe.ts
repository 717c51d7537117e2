import { printable } from "../../shared/text/printable.ts";
import { FORMATS } from "./formats.ts";
import { baseType, isDictionary, isLeaf, isList, isNullable, isSection, type Leaf, type SchemaNode } from "./node.ts";

/** Returns what kind of value it must be, when it is of another kind altogether. */
export function kindRuleOf(node: SchemaNode): string {
  return isList(node) ? "must be a list" : ruleOf(node);
}

/** Returns what a value must be, as the end of the sentence "server.port …": `must be a whole number from 0 to 65535`. */
export function ruleOf(node: SchemaNode): string {
  if (isSection(node)) return "must be a section with keys";
  if (isDictionary(node)) return "must be a map of names to values";
  if (isList(node)) {
    const { minItems, maxItems, uniqueItems } = node;
    const items = maxItems === 1 || (maxItems === undefined && minItems === 1) ? "item" : "items";
    const count =
      minItems === undefined && maxItems === undefined ? "" : `${range(minItems, maxItems, "of ")} ${items}`;
    return `must be a list${count}${uniqueItems === true ? " without duplicates" : ""}`;
  }
  return `${leafRule(node)}${isNullable(node) ? ", or null" : ""}`;
}

/** Returns what a value may be, without the "must": for help, comments and the reference page. */
export function typeText(node: SchemaNode): string {
  const text = ruleOf(node).replace(/^must (?:be )?/, "");
  return isList(node) ? `${text}; each item ${ruleOf(node.items)}` : text;
}

/** Returns the value as it may be shown: JSON on one line, shortened; secrets and whole sections are not shown. */
export function foundText(node: SchemaNode | undefined, value: unknown): string {
  if (node !== undefined && isLeaf(node) && node["x-secret"] === true) return "[REDACTED]";
  // `password:hunter2` without the space is a text where a section belongs: only its key is shown.
  if (node !== undefined && isSection(node) && typeof value === "string" && MISSING_SPACE.test(value)) {
    return `"${printable(value.slice(0, value.indexOf(":") + 1))}…"`;
  }
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a section";
  if (typeof value === "string") return `"${printable(withoutCredentials(value))}"`;
  return printable(String(value));
}

/** Removes what stands before `@` and after `?` from a URL: it may be a password or a token. */
export function withoutCredentials(text: string): string {
  return text.replace(/(:\/\/)[^/\s@]*@/g, "$1[REDACTED]@").replace(/(:\/\/[^\s?]*\?)\S+/g, "$1[REDACTED]");
}

/** `port:1`: a key and its value without the space between them. */
export const MISSING_SPACE: RegExp = /^\w+:\S/;

// ---

function leafRule(leaf: Leaf): string {
  const unit = leaf["x-unit"];
  if (unit !== undefined) {
    const name = unit === "duration" ? "a duration" : "a size";
    const min = unit === "duration" && leaf["x-min"] === "0" ? undefined : leaf["x-min"];
    return `must be ${name}${range(min, leaf["x-max"])}`;
  }
  if (leaf.enum !== undefined) return `must be one of ${leaf.enum.join(", ")}`;
  if (leaf.format !== undefined) return FORMATS[leaf.format].rule;
  switch (baseType(leaf)) {
    case "boolean":
      return "must be true or false";
    case "string":
      return `must be text${leaf.maxLength === undefined ? "" : ` of at most ${leaf.maxLength} characters`}`;
    default: {
      const kind = baseType(leaf) === "integer" ? "a whole number" : "a number";
      if (leaf.minimum !== undefined && leaf.minimum === leaf.maximum) return `must be ${leaf.minimum}`;
      return `must be ${kind}${range(leaf.minimum, leaf.maximum)}${leaf["x-auto"] === true ? ", or auto" : ""}`;
    }
  }
}

function range(min: string | number | undefined, max: string | number | undefined, between = "from "): string {
  if (min !== undefined && max !== undefined) return ` ${between}${min} to ${max}`;
  if (min !== undefined) return ` of at least ${min}`;
  return max === undefined ? "" : ` of at most ${max}`;
}
