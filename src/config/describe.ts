import { closest } from "../shared/suggest.ts";
import { formatBytes, parseBytes, parseDurationMs } from "../shared/units.ts";
import { FORMATS } from "./formats.ts";
import { baseType, isDictionary, isLeaf, isList, isNullable, isSection, type Leaf, type SchemaNode } from "./node.ts";
import { printable } from "../shared/printable.ts";

import { isRecord } from "./resolve.ts";

/** What kind of value it must be, when it is of another kind altogether. */
export function kindRuleOf(node: SchemaNode): string {
  return isList(node) ? "must be a list" : ruleOf(node);
}

/** What a value must be, as the end of the sentence "server.port …": `must be a whole number from 0 to 65535`. */
export function ruleOf(node: SchemaNode): string {
  if (isSection(node)) return "must be a section with keys";
  if (isDictionary(node)) return "must be a map of names to values";
  if (isList(node)) {
    const { minItems, maxItems, uniqueItems } = node;
    const most = maxItems === undefined ? "" : ` of at most ${maxItems} items`;
    const least = minItems === undefined ? "" : ` with at least ${minItems} ${minItems === 1 ? "item" : "items"}`;
    return `must be a list${most}${least}${uniqueItems === true ? " without repetition" : ""}`;
  }
  return `${leafRule(node)}${isNullable(node) ? ", or null" : ""}`;
}

/** What a value may be, without the "must": for help, comments and the reference page. */
export function typeText(node: SchemaNode): string {
  const text = ruleOf(node).replace(/^must (?:be )?/, "");
  return isList(node) ? `${text}; each item ${ruleOf(node.items)}` : text;
}

/** The value as it may be shown: JSON on one line, shortened; secrets and whole sections are not shown. */
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

/** What to write instead, guessed from what was found. */
export function cureOf(node: SchemaNode, value: unknown): string {
  if (isSection(node)) {
    if (typeof value === "string" && MISSING_SPACE.test(value)) return "put a space after the colon";
    return `indent its keys below it, for example \`${exampleLine(node)}\``;
  }
  if (isList(node)) return listCure(value);
  if (isDictionary(node)) return "write one `name: value` per line, indented";
  if (node["x-secret"] === true) return "";
  if (isRecord(value) || Array.isArray(value)) return `write one value: ${exampleOf(node)}`;
  if (value === null) return `give a value such as ${exampleOf(node)}, or delete the line for the default`;
  if (node["x-unit"] === "duration") return durationCure(node, value);
  if (node["x-unit"] === "bytes") return bytesCure(node, value);
  if (baseType(node) === "boolean") return booleanCure(value);
  if (baseType(node) === "string") return textCure(node, value);
  return numberCure(node, value);
}

/** A URL may carry a password or a token: what stands before `@` and after `?` is not shown. */
export function withoutCredentials(text: string): string {
  return text.replace(/(:\/\/)[^/\s@]*@/g, "$1[REDACTED]@").replace(/(:\/\/[^\s?]*\?)\S+/g, "$1[REDACTED]");
}

const MISSING_SPACE = /^\w+:\S/;

// --- rules

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
      return `must be ${kind}${range(leaf.minimum, leaf.maximum)}${leaf["x-auto"] === true ? ", or auto" : ""}`;
    }
  }
}

function range(min: string | number | undefined, max: string | number | undefined): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` of at least ${min}`;
  return max === undefined ? "" : ` of at most ${max}`;
}

// --- cures

function listCure(value: unknown): string {
  if (typeof value === "string" && value !== "") {
    const items = value.split(/[\s,]+/).filter((item) => item !== "");
    return `write it as a list: [${items.map((item) => printable(item)).join(", ")}]`;
  }
  if (value === null) return "write [] for an empty list, or delete the line for the default";
  return "write one `- item` per line, or [a, b]";
}

function durationCure(leaf: Leaf, value: unknown): string {
  const example = `for example ${exampleOf(leaf)}`;
  if (value === 0) return boundCure(leaf, 0, parseDurationMs) ?? example;
  if (typeof value === "number") {
    const guess = parseDurationMs(`${value}s`);
    return guess === undefined || guess === 0
      ? example
      : `add the unit: ${inBounds(leaf, guess) ? `${value}s` : "such as 10s or 5m"}`;
  }
  if (typeof value !== "string") return example;
  const spelled = normalizeDuration(value);
  const ms = parseDurationMs(value) ?? parseDurationMs(spelled);
  if (ms === undefined) return `${example} (units ms, s, m, h, d)`;
  return boundCure(leaf, ms, parseDurationMs) ?? `write ${spelled}`;
}

function bytesCure(leaf: Leaf, value: unknown): string {
  const example = `for example ${exampleOf(leaf)}`;
  if (typeof value === "number") {
    return Number.isSafeInteger(value) && inBounds(leaf, value)
      ? `write ${formatBytes(value)}`
      : `${example}, with its unit`;
  }
  if (typeof value !== "string") return example;
  const spelled = normalizeBytes(value);
  const bytes = parseBytes(value) ?? parseBytes(spelled);
  if (bytes === undefined) return `${example} (units B, KiB, MiB, GiB, KB, MB, GB)`;
  return boundCure(leaf, bytes, parseBytes) ?? `write ${/\d$/.test(value.trim()) ? formatBytes(bytes) : spelled}`;
}

function booleanCure(value: unknown): string {
  const word = String(value).toLowerCase();
  if (["yes", "on", "1", "true", "y", "enabled"].includes(word)) return "write true";
  if (["no", "off", "0", "false", "n", "disabled"].includes(word)) return "write false";
  return "write true or false";
}

function textCure(leaf: Leaf, value: unknown): string {
  if (typeof value !== "string") {
    const text = String(value);
    const meant = leaf.enum === undefined ? undefined : meantChoice(text, leaf.enum);
    return meant === undefined ? `put it in quotes: "${text}"` : `did you mean ${meant}?`;
  }
  if (leaf.enum !== undefined) {
    const meant = meantChoice(value, leaf.enum);
    return meant === undefined ? `for example ${exampleOf(leaf)}` : `did you mean ${meant}?`;
  }
  if (leaf.format !== undefined) return printable(FORMATS[leaf.format].cure(value), 200);
  if (leaf.maxLength !== undefined && value.length > leaf.maxLength)
    return `shorten it to ${leaf.maxLength} characters`;
  return `for example ${exampleOf(leaf)}`;
}

/** A typo, or a word that contains the choice or is part of it: `warning` → `warn`, `8` → `int8`. */
function meantChoice(text: string, choices: readonly string[]): string | undefined {
  const near = closest(text, choices);
  if (near !== undefined || text === "") return near;
  const related = choices.filter(
    (choice) => text.toLowerCase().startsWith(choice) || choice.includes(text.toLowerCase()),
  );
  return related.length === 1 ? related[0] : undefined;
}

function numberCure(leaf: Leaf, value: unknown): string {
  if (typeof value === "string") {
    if (leaf["x-auto"] === true && closest(value, ["auto"]) === "auto") return "write auto";
    const number = /^\s*-?\d+(?:\.\d+)?\s*$/.test(value) ? Number(value) : undefined;
    if (number !== undefined && numberFits(leaf, number)) return `remove the quotes: ${number}`;
    const grouped = /^\d{1,3}(?:[ _,']\d{3})+$/.test(value) ? Number(value.replace(/\D/g, "")) : undefined;
    if (grouped !== undefined && numberFits(leaf, grouped)) return `write ${grouped}`;
  }
  if (typeof value === "number" && baseType(leaf) === "integer" && !Number.isInteger(value)) {
    const rounded = Math.round(value);
    if (numberFits(leaf, rounded)) return `write ${rounded}`;
  }
  if (typeof value === "number" && leaf.maximum !== undefined && value > leaf.maximum)
    return `write ${leaf.maximum} or less`;
  if (typeof value === "number" && leaf.minimum !== undefined && value < leaf.minimum)
    return `write ${leaf.minimum} or more`;
  return `for example ${exampleOf(leaf)}`;
}

function numberFits(leaf: Leaf, value: number): boolean {
  return value >= (leaf.minimum ?? -Infinity) && value <= (leaf.maximum ?? Infinity);
}

function boundCure(leaf: Leaf, value: number, parse: (text: string) => number | undefined): string | undefined {
  const min = leaf["x-min"] === undefined ? undefined : parse(leaf["x-min"]);
  const max = leaf["x-max"] === undefined ? undefined : parse(leaf["x-max"]);
  if (min !== undefined && value < min) return `write ${leaf["x-min"]} or more`;
  return max !== undefined && value > max ? `write ${leaf["x-max"]} or less` : undefined;
}

function inBounds(leaf: Leaf, value: number): boolean {
  return boundCure(leaf, value, leaf["x-unit"] === "bytes" ? parseBytes : parseDurationMs) === undefined;
}

/** `5 min`, `10 Seconds`, `1 hour 30 min`, `300` → our spelling. */
function normalizeDuration(text: string): string {
  const compact = text.toLowerCase().replace(/[\s,_]/g, "");
  if (/^\d+(?:\.\d+)?$/.test(compact)) return `${compact}s`;
  return compact
    .replace(/(\d)(?:milliseconds?|millis|msecs?)/g, "$1ms")
    .replace(/(\d)(?:seconds?|secs?)/g, "$1s")
    .replace(/(\d)(?:minutes?|mins?)/g, "$1m")
    .replace(/(\d)(?:hours?|hrs?)/g, "$1h")
    .replace(/(\d)days?/g, "$1d");
}

/** `50 mb`, `50M`, `52428800` → our spelling. A letter alone is read as a power of 1024, as nginx does. */
function normalizeBytes(text: string): string {
  const match = /^(\d+(?:\.\d+)?)([kmgt]?)(i?)(b?)$/i.exec(text.replace(/[\s_]/g, ""));
  if (match === null) return text;
  const [, amount = "", letter = "", binary = "", byte = ""] = match;
  if (letter === "") return `${amount}B`;
  const decimal = binary === "" && byte !== "";
  if (/t/i.test(letter)) return `${Number(amount) * (decimal ? 1000 : 1024)}${decimal ? "GB" : "GiB"}`;
  return `${amount}${letter.toUpperCase()}${decimal ? "B" : "iB"}`;
}

function exampleOf(leaf: Leaf): string {
  const example = leaf.default ?? leaf.examples?.[0];
  if (example !== undefined && example !== null) return String(example);
  return baseType(leaf) === "string" ? "some text" : String(leaf.minimum ?? 1);
}

function exampleLine(node: SchemaNode): string {
  if (!isSection(node)) return "name: value";
  const leaf = Object.entries(node.properties).find(([, child]) => isLeaf(child));
  return leaf !== undefined && isLeaf(leaf[1]) ? `${leaf[0]}: ${exampleOf(leaf[1])}` : "name: value";
}
