import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import { parseBytes, parseDurationMs } from "../../shared/units.ts";
import { cureOf } from "./cures.ts";
import { foundText, kindRuleOf, ruleOf } from "../schema/describe.ts";
import { FORMATS } from "../schema/formats.ts";
import { isList, nodeAt, type Section } from "../schema/node.ts";
import { printable } from "../../shared/text/printable.ts";
import { formatKey, type ProblemCode } from "./problem.ts";
import { isRecord } from "../resolve.ts";
import { configSchema, toJsonSchema } from "../schema/schema.ts";
import { unknownKeyCure } from "./unknown-key.ts";

/** A problem that does not know its place yet. */
export interface Finding {
  readonly code: ProblemCode;
  readonly path: readonly string[];
  /** What of the path to point at. */
  readonly target: "key" | "value";
  readonly rule: string;
  readonly found: string | undefined;
  readonly cure: string;
}

/** Returns everything that is wrong with raw values, at most one finding for each key. */
export function validate(raw: unknown, schema: Section = configSchema): readonly Finding[] {
  const check = compiled.get(schema) ?? compile(schema);
  if (check(raw)) return [];
  const findings = new Map<string, Finding>();
  for (const error of check.errors ?? []) {
    const finding = toFinding(schema, raw, error);
    const id = JSON.stringify(finding.path);
    if (!findings.has(id)) findings.set(id, finding);
  }
  return [...findings.values()];
}

// ---

const compiled = new WeakMap<Section, ValidateFunction>();

function compile(schema: Section): ValidateFunction {
  const ajv = new Ajv2020({
    strict: true,
    allErrors: true,
    allowUnionTypes: true,
    formats: Object.fromEntries(Object.entries(FORMATS).map(([name, format]) => [name, format.matches])),
  });
  ajv.addVocabulary(["x-min", "x-max", "x-auto", "x-env", "x-env-values", "x-secret", "x-reload"]);
  ajv.addKeyword({ keyword: "x-unit", type: "string", schemaType: "string", validate: unitInBounds });
  const check = ajv.compile(toJsonSchema(schema));
  compiled.set(schema, check);
  return check;
}

function unitInBounds(unit: string, text: string, parent?: Record<string, unknown>): boolean {
  const parse = unit === "duration" ? parseDurationMs : parseBytes;
  const value = parse(text);
  if (value === undefined) return false;
  const bound = (name: string): number | undefined => {
    const spelled = parent?.[name];
    return typeof spelled === "string" ? parse(spelled) : undefined;
  };
  return value >= (bound("x-min") ?? 0) && value <= (bound("x-max") ?? Infinity);
}

function toFinding(schema: Section, raw: unknown, error: ErrorObject): Finding {
  const path = error.instancePath
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  const params: Record<string, unknown> = error.params;
  if (error.keyword === "additionalProperties") {
    const name = String(params["additionalProperty"]);
    return {
      code: "GST_CONFIG_UNKNOWN_KEY",
      path: [...path, name],
      target: "key",
      rule: "is not a known key",
      found: undefined,
      cure: unknownKeyCure(schema, path, name),
    };
  }
  if (error.keyword === "required") {
    const name = String(params["missingProperty"]);
    const node = nodeAt(schema, [...path, name]);
    return {
      code: "GST_CONFIG_MISSING_KEY",
      path: [...path, name],
      target: "key",
      rule: "is required",
      found: undefined,
      cure: node === undefined ? "" : `add it below ${formatKey(path)}: it ${ruleOf(node)}`,
    };
  }
  const node = nodeAt(schema, path);
  const value = valueAt(raw, path);
  if (node === undefined) {
    // Cannot happen while the schema and its expansion agree; better a plain sentence than a crash.
    return {
      code: "GST_CONFIG_VALUE",
      path,
      target: "value",
      rule: printable(error.message ?? "is invalid"),
      found: undefined,
      cure: "",
    };
  }
  if (error.keyword === "uniqueItems" && isList(node)) {
    const [first, second] = [Number(params["j"]), Number(params["i"])].sort((a, b) => a - b);
    return {
      code: "GST_CONFIG_VALUE",
      path: [...path, String(second)],
      target: "value",
      rule: `must not repeat item ${(first ?? 0) + 1} of the list`,
      found: foundText(node.items, valueAt(raw, [...path, String(second)])),
      cure: "delete one of them",
    };
  }
  return {
    code: error.keyword === "type" && !isUnitText(node, value) ? "GST_CONFIG_TYPE" : "GST_CONFIG_VALUE",
    path,
    target: "value",
    rule:
      path.length === 0
        ? "the file must hold sections with keys"
        : error.keyword === "type"
          ? kindRuleOf(node)
          : ruleOf(node),
    found: foundText(node, value),
    cure: path.length === 0 ? "for example `server:` and, indented below it, `port: 9876`" : cureOf(node, value),
  };
}

function isUnitText(node: unknown, value: unknown): boolean {
  return isRecord(node) && node["x-unit"] !== undefined && typeof value === "string";
}

function valueAt(raw: unknown, path: readonly string[]): unknown {
  let value = raw;
  for (const name of path) {
    if (Array.isArray(value)) value = value[Number(name)];
    else if (isRecord(value)) value = Object.hasOwn(value, name) ? value[name] : undefined;
    else return undefined;
  }
  return value;
}
