import { GigasttError, messageOf } from "../shared/errors.ts";
import { formatKey } from "../config/problems/problem.ts";
import { isPlainlyValid } from "../config/quick.ts";
import type { FrontEnd, ModelFile, WindowLimits } from "./manifest.ts";
import { registrySchema } from "./registry-schema.ts";

export type Precision = "int8" | "fp32";
export const PRECISIONS: readonly Precision[] = ["int8", "fp32"];

/** The files of one precision by role, and the memory one worker needs with it. */
export interface PrecisionFiles {
  readonly encoder: string;
  /** Both, or neither: a CTC model is one graph. */
  readonly decoder?: string;
  readonly joint?: string;
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
  /** ISO 639-1, the main one first; absent = Russian. */
  readonly languages?: readonly string[];
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

/**
 * Parses and checks a registry. Every problem is collected; unknown keys are problems.
 * @throws GigasttError `GST_MODEL_REGISTRY` listing the problems.
 */
export async function parseRegistry(text: string, where: string): Promise<Registry> {
  if (text.length > MAX_TEXT_CHARS) fail(where, [`it must be shorter than ${MAX_TEXT_CHARS} characters`]);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    fail(where, [`it is not JSON (${messageOf(error)})`], error);
  }
  // ajv is loaded only when there is something to explain: it costs as much as starting Node.
  if (!isPlainlyValid(registrySchema, value)) {
    const { validate } = await import("../config/problems/validate.ts");
    const findings = validate(value, registrySchema).map(({ target, path, rule, found, cure }) => {
      const hint = target === "key" && cure !== "" ? ` (${cure})` : "";
      return `${formatKey(path) || "the file"} ${rule}${found === undefined ? "" : `, found ${found}`}${hint}`;
    });
    if (findings.length > 0) fail(where, findings);
  }
  const registry = value as Registry; // its shape is checked above
  const problems = [
    ...repeated(registry.models, ({ id }) => id).map((id) => `models must not repeat the id ${id}`),
    ...registry.models.flatMap((model, i) => problemsOf(model, `models[${i}]`)),
  ];
  if (problems.length > 0) fail(where, problems);
  return registry;
}

/** What a schema cannot say: rules over several fields. */
function problemsOf({ files, precisions, source, frontEnd, windows }: ModelEntry, at: string): readonly string[] {
  const names = files.map(({ name }) => name);
  const used = Object.entries(precisions).flatMap(([precision, roles]) =>
    ROLES.flatMap((role) => {
      const name = roles[role];
      return name === undefined ? [] : [{ at: `${at}.precisions.${precision}.${role}`, name }];
    }),
  );
  const needed = SOURCE_KEYS[source.kind];
  const given = Object.keys(source).filter((key) => key !== "kind");
  return [
    ...repeated(names, (name) => name.toLowerCase()).map((name) => `${at}.files must not repeat the name ${name}`),
    ...used
      .filter(({ name }) => !names.includes(name))
      .map((role) => `${role.at} must name one of the model's files, found "${role.name}"`),
    ...names
      .filter((name) => used.every((role) => role.name !== name))
      .map((name) => `${at}.files must all be used by a precision, "${name}" is not`),
    ...Object.entries(precisions)
      .filter(([, roles]) => (roles.decoder === undefined) !== (roles.joint === undefined))
      .map(([precision]) => `${at}.precisions.${precision} must have decoder and joint (RNN-T) or neither (CTC)`),
    ...(Object.keys(precisions).length === 0 ? [`${at}.precisions must have int8 or fp32`] : []),
    ...(given.join() === needed ? [] : [`${at}.source of kind ${source.kind} must have ${needed} and nothing else`]),
    ...(source.kind === "download" && source.baseUrl?.endsWith("/") === false
      ? [`${at}.source.baseUrl must end with a slash, found "${source.baseUrl}"`]
      : []),
    ...(frontEnd.hopSamples > frontEnd.windowSamples
      ? [`${at}.frontEnd.hopSamples must be at most windowSamples, found ${frontEnd.hopSamples}`]
      : []),
    ...(Math.max(frontEnd.minHz, frontEnd.maxHz) > frontEnd.sampleRateHz / 2
      ? [`${at}.frontEnd.minHz and maxHz must be at most half of sampleRateHz`]
      : []),
    ...(windows !== undefined && windows.mergeS > windows.maxS
      ? [`${at}.windows.mergeS must be at most maxS, found ${windows.mergeS}`]
      : []),
  ];
}

const ROLES = ["encoder", "decoder", "joint", "vocab"] as const;
const SOURCE_KEYS = { download: "baseUrl", bundled: "folder", local: "madeFrom" } as const;

function repeated<T>(items: readonly T[], key: (item: T) => string): readonly string[] {
  const keys = items.map(key);
  return keys.filter((value, i) => keys.indexOf(value) < i);
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
