import { closest } from "../../shared/text/suggest.ts";
import { printable } from "../../shared/text/printable.ts";
import { formatBytes, parseBytes, parseDurationMs } from "../../shared/units.ts";
import { MISSING_SPACE } from "../schema/describe.ts";
import { FORMATS } from "../schema/formats.ts";
import { baseType, isDictionary, isLeaf, isList, isSection, type Leaf, type SchemaNode } from "../schema/node.ts";
import { isRecord } from "../resolve.ts";

/** Returns what to write instead, guessed from what was found. */
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

// ---

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
