import { GigasttError } from "../shared/errors.ts";
import type { FrontEnd, ModelFile, WindowLimits } from "./manifest.ts";

export type Precision = "int8" | "fp32";
export const PRECISIONS: readonly Precision[] = ["int8", "fp32"];

/** The files of one precision by role, and the memory one worker needs with it. */
export interface PrecisionFiles {
  readonly encoder: string;
  readonly decoder: string;
  readonly joint: string;
  readonly vocab: string;
  /** Resident memory of one worker with these weights, measured or published; for `doctor` and sizing. */
  readonly memoryBytes: number;
}

export type ModelSource =
  | { readonly kind: "download"; readonly baseUrl: string }
  /** Below `models/` of the installation. */
  | { readonly kind: "bundled"; readonly folder: string }
  /** Made on this machine by `models quantize`, `models optimize` or `bench --synthetic`. */
  | { readonly kind: "local"; readonly madeFrom: string };

export interface ModelLicense {
  readonly name: string;
  readonly holder: string;
  readonly url?: string;
}

/** One model of models/registry.json. */
export interface ModelEntry {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly summary: string;
  readonly license: ModelLicense;
  readonly source: ModelSource;
  readonly files: readonly ModelFile[];
  readonly precisions: Readonly<Partial<Record<Precision, PrecisionFiles>>>;
  readonly frontEnd: FrontEnd;
  /** Absent = as GigaAM: every utterance alone, at most 24 s. */
  readonly windows?: WindowLimits;
}

export interface Registry {
  readonly version: 1;
  readonly models: readonly ModelEntry[];
}

const MAX_TEXT_CHARS = 1_000_000;
const MAX_PROBLEMS_SHOWN = 10;
/** A file name that is safe on every platform: no separator, no leading dot (stamps and parts are hidden files), no drive or stream colon. */
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*$/;
const ID = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;

/**
 * Parses and checks a registry. Every problem is collected; unknown keys are problems.
 * @throws GigasttError `GST_MODEL_REGISTRY` listing the problems.
 */
export function parseRegistry(text: string, where: string): Registry {
  if (text.length > MAX_TEXT_CHARS) fail(where, [`it must be shorter than ${MAX_TEXT_CHARS} characters`]);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    fail(where, [`it is not JSON (${error instanceof Error ? error.message : String(error)})`], error);
  }
  const check = createChecker();
  const root = check.object(value, "", ["version", "models"]);
  check.that(root["version"] === 1, "version", "must be 1", root["version"]);
  const models = check.array(root["models"], "models").map((model, i) => readModel(check, model, `models[${i}]`));
  check.unique(models, ({ id }) => id, "models", "id");
  if (check.problems.length > 0) fail(where, check.problems);
  return { version: 1, models };
}

function readModel(check: Checker, value: unknown, at: string): ModelEntry {
  const keys = ["id", "name", "version", "summary", "license", "source", "files", "precisions", "frontEnd", "windows"];
  const model = check.object(value, at, keys);
  const files = check.array(model["files"], `${at}.files`).map((file, i) => readFile(check, file, `${at}.files[${i}]`));
  check.unique(files, ({ name }) => name.toLowerCase(), `${at}.files`, "name");
  const names = new Set(files.map(({ name }) => name));
  const precisions = readPrecisions(check, model["precisions"], `${at}.precisions`, names);
  const used = new Set(Object.values(precisions).flatMap((p) => [p.encoder, p.decoder, p.joint, p.vocab]));
  for (const name of names) check.that(used.has(name), `${at}.files`, "must all be used by a precision", name);
  return {
    id: check.text(model["id"], `${at}.id`, ID, 64),
    name: check.text(model["name"], `${at}.name`),
    version: check.text(model["version"], `${at}.version`),
    summary: check.text(model["summary"], `${at}.summary`),
    license: readLicense(check, model["license"], `${at}.license`),
    source: readSource(check, model["source"], `${at}.source`),
    files,
    precisions,
    frontEnd: readFrontEnd(check, model["frontEnd"], `${at}.frontEnd`),
    ...(model["windows"] !== undefined && { windows: readWindows(check, model["windows"], `${at}.windows`) }),
  };
}

function readLicense(check: Checker, value: unknown, at: string): ModelLicense {
  const license = check.object(value, at, ["name", "holder", "url"]);
  const base = {
    name: check.text(license["name"], `${at}.name`),
    holder: check.text(license["holder"], `${at}.holder`),
  };
  return license["url"] === undefined ? base : { ...base, url: readUrl(check, license["url"], `${at}.url`) };
}

function readSource(check: Checker, value: unknown, at: string): ModelSource {
  const source = check.object(value, at, ["kind", "baseUrl", "folder", "madeFrom"]);
  if (source["kind"] === "local") return { kind: "local", madeFrom: check.text(source["madeFrom"], `${at}.madeFrom`) };
  if (source["kind"] === "bundled") {
    check.that(
      source["baseUrl"] === undefined,
      `${at}.baseUrl`,
      "must be absent for a bundled model",
      source["baseUrl"],
    );
    return { kind: "bundled", folder: check.text(source["folder"], `${at}.folder`, FILE_NAME, 64) };
  }
  check.that(source["kind"] === "download", `${at}.kind`, 'must be "download", "bundled" or "local"', source["kind"]);
  check.that(source["folder"] === undefined, `${at}.folder`, "must be absent for a downloaded model", source["folder"]);
  const baseUrl = readUrl(check, source["baseUrl"], `${at}.baseUrl`);
  check.that(baseUrl.endsWith("/"), `${at}.baseUrl`, "must end with a slash", baseUrl);
  return { kind: "download", baseUrl };
}

function readUrl(check: Checker, value: unknown, at: string): string {
  const text = check.text(value, at, /^https:\/\/[^\s@?#]+$/, 500);
  check.that(URL.canParse(text), at, "must be a URL", text);
  return text;
}

function readFile(check: Checker, value: unknown, at: string): ModelFile {
  const file = check.object(value, at, ["name", "bytes", "sha256"]);
  return {
    name: check.text(file["name"], `${at}.name`, FILE_NAME, 128),
    bytes: check.integer(file["bytes"], `${at}.bytes`, 1, 2 ** 40),
    sha256: check.text(file["sha256"], `${at}.sha256`, /^[0-9a-f]{64}$/, 64),
  };
}

function readPrecisions(
  check: Checker,
  value: unknown,
  at: string,
  names: ReadonlySet<string>,
): Partial<Record<Precision, PrecisionFiles>> {
  const object = check.object(value, at, PRECISIONS);
  const precisions: Partial<Record<Precision, PrecisionFiles>> = {};
  for (const precision of PRECISIONS) {
    if (object[precision] === undefined) continue;
    const where = `${at}.${precision}`;
    const roles = check.object(object[precision], where, ["encoder", "decoder", "joint", "vocab", "memoryBytes"]);
    const role = (name: string): string => {
      const file = check.text(roles[name], `${where}.${name}`);
      check.that(names.has(file), `${where}.${name}`, "must name one of the model's files", file);
      return file;
    };
    precisions[precision] = {
      encoder: role("encoder"),
      decoder: role("decoder"),
      joint: role("joint"),
      vocab: role("vocab"),
      memoryBytes: check.integer(roles["memoryBytes"], `${where}.memoryBytes`, 1, 2 ** 40),
    };
  }
  check.that(Object.keys(precisions).length > 0, at, "must have int8 or fp32", value);
  return precisions;
}

function readFrontEnd(check: Checker, value: unknown, at: string): FrontEnd {
  const keys = ["sampleRateHz", "windowSamples", "hopSamples", "melBins", "minHz", "maxHz", "bfloat16Buffers"];
  const frontEnd = check.object(value, at, keys);
  const sampleRateHz = check.integer(frontEnd["sampleRateHz"], `${at}.sampleRateHz`, 8000, 48_000);
  const windowSamples = check.integer(frontEnd["windowSamples"], `${at}.windowSamples`, 16, 8192);
  const bfloat16Buffers = frontEnd["bfloat16Buffers"];
  check.that(typeof bfloat16Buffers === "boolean", `${at}.bfloat16Buffers`, "must be true or false", bfloat16Buffers);
  return {
    sampleRateHz,
    windowSamples,
    hopSamples: check.integer(frontEnd["hopSamples"], `${at}.hopSamples`, 1, windowSamples),
    melBins: check.integer(frontEnd["melBins"], `${at}.melBins`, 1, 512),
    minHz: check.integer(frontEnd["minHz"], `${at}.minHz`, 0, sampleRateHz / 2),
    maxHz: check.integer(frontEnd["maxHz"], `${at}.maxHz`, 1, sampleRateHz / 2),
    bfloat16Buffers: bfloat16Buffers === true,
  };
}

function readWindows(check: Checker, value: unknown, at: string): WindowLimits {
  const windows = check.object(value, at, ["mergeS", "maxS", "rereadBelowPercent"]);
  const maxS = check.integer(windows["maxS"], `${at}.maxS`, 2, 24);
  const mergeS = check.integer(windows["mergeS"], `${at}.mergeS`, 0, maxS);
  const reread = windows["rereadBelowPercent"];
  if (reread === undefined) return { mergeS, maxS };
  return { mergeS, maxS, rereadBelowPercent: check.integer(reread, `${at}.rereadBelowPercent`, 0, 100) };
}

// --- the checker: reads on with a stand-in after a problem, so that all problems are found in one go

interface Checker {
  readonly problems: string[];
  that(holds: boolean, at: string, rule: string, found: unknown): void;
  object(value: unknown, at: string, keys: readonly string[]): Record<string, unknown>;
  array(value: unknown, at: string): readonly unknown[];
  text(value: unknown, at: string, pattern?: RegExp, maxChars?: number): string;
  integer(value: unknown, at: string, min: number, max: number): number;
  unique<T>(items: readonly T[], key: (item: T) => string, at: string, name: string): void;
}

function createChecker(): Checker {
  const problems: string[] = [];
  const that = (holds: boolean, at: string, rule: string, found: unknown): void => {
    if (!holds) problems.push(`${at === "" ? "the top level" : at} ${rule}, found ${show(found)}`);
  };
  return {
    problems,
    that,
    object: (value, at, keys) => {
      const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
      that(isObject, at, "must be an object", value);
      if (!isObject) return {};
      const entries = Object.entries(value);
      for (const [key] of entries) that(keys.includes(key), at, `must have only ${keys.join(", ")}`, key);
      return Object.fromEntries(entries.filter(([key]) => keys.includes(key)));
    },
    array: (value, at) => {
      const fits = Array.isArray(value) && value.length > 0 && value.length <= 1000;
      that(fits, at, "must be a list of 1 to 1000 entries", value);
      return fits ? value : [];
    },
    text: (value, at, pattern = /^[^\p{Cc}]+$/u, maxChars = 300) => {
      const fits = typeof value === "string" && value.length <= maxChars && pattern.test(value);
      that(fits, at, `must be a text of at most ${maxChars} characters like ${pattern.source}`, value);
      return fits ? value : "";
    },
    integer: (value, at, min, max) => {
      const fits = typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max;
      that(fits, at, `must be a whole number from ${min} to ${max}`, value);
      return fits ? value : min;
    },
    unique: (items, key, at, name) => {
      const seen = new Set<string>();
      for (const item of items) {
        const value = key(item);
        that(value === "" || !seen.has(value), at, `must not repeat a ${name}`, value);
        seen.add(value);
      }
    },
  };
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  // Never stringified: a deep nest would overflow the stack.
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function fail(where: string, problems: readonly string[], cause?: unknown): never {
  const shown = problems.slice(0, MAX_PROBLEMS_SHOWN).join("; ");
  const more = problems.length > MAX_PROBLEMS_SHOWN ? `; and ${problems.length - MAX_PROBLEMS_SHOWN} more` : "";
  throw new GigasttError(
    "GST_MODEL_REGISTRY",
    `the model registry ${where} cannot be used: ${shown}${more}. Restore the file from the release.`,
    { cause },
  );
}
