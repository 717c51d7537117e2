import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { ModelConfig } from "../config/types.ts";
import { GigasttError } from "../shared/errors.ts";
import { createBundle, filesOf, restoreCure } from "./bundle.ts";
import type { ModelBundle, ModelFile } from "./manifest.ts";
import { modelsDir } from "./paths.ts";
import type { ModelEntry, Precision, Registry } from "./registry-guard.ts";
import { PRECISIONS } from "./registry-guard.ts";
import { withLocalModels } from "./local.ts";
import { AUTO_MODEL, bundledModelsDir, findModel, loadRegistry } from "./registry.ts";

export interface LocateOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Default: models/registry.json of the installation. */
  readonly registry?: Registry;
}

/** What lies on disk of one precision of one model. Sizes only; hashes are `verifyBundle`'s work. */
export interface Installation {
  readonly entry: ModelEntry;
  readonly precision: Precision;
  readonly dir: string;
  readonly state: "complete" | "incomplete" | "absent";
  /** Files that are missing or have another size. */
  readonly wrong: readonly { readonly file: ModelFile; readonly bytesFound: number | undefined }[];
}

/**
 * Finds the model that the configuration asks for. `auto` takes the first downloadable model of the registry that is complete,
 * else the bundled one with a `notice`. Sizes are checked here, hashes by `verifyBundle`.
 * @throws GigasttError `GST_MODEL_UNKNOWN` (exit 2), `GST_MODEL_MISSING`, `GST_MODEL_PRECISION` (exit 2).
 */
export async function locateModel(
  config: Pick<ModelConfig, "id" | "precision" | "dir">,
  options: LocateOptions,
): Promise<ModelBundle> {
  const baseDir = modelsDir(config.dir, options.env);
  const registry = options.registry ?? (await withLocalModels(await loadRegistry(), baseDir));
  if (config.id !== AUTO_MODEL) return locateById(findModel(registry, config.id), config.precision, baseDir);
  const almost: Installation[] = [];
  for (const entry of registry.models.filter(({ source }) => source.kind === "download")) {
    const installations = await inspectModel(entry, baseDir);
    const found = choose(installations, config.precision);
    if (found) return bundleOf(found);
    almost.push(...installations.filter(({ state }) => state !== "absent"));
  }
  const fallback = registry.models.find(({ source }) => source.kind === "bundled");
  if (!fallback) throw new GigasttError("GST_MODEL_MISSING", "no model is installed. Run `gigastt models pull`.");
  const bundle = await locateById(fallback, config.precision, baseDir);
  return { ...bundle, notice: fallbackNotice(registry, fallback, almost, config.precision) };
}

/** Looks at the files of every precision of a model, int8 first. */
export async function inspectModel(entry: ModelEntry, baseDir: string): Promise<readonly Installation[]> {
  return Promise.all(
    PRECISIONS.filter((precision) => entry.precisions[precision] !== undefined).map((precision) =>
      inspectPrecision(entry, precision, baseDir),
    ),
  );
}

/** Returns where the files of a model belong: its own folder below the models' folder, or its folder in the installation. */
export function folderOf(entry: ModelEntry, baseDir: string): string {
  return entry.source.kind === "bundled" ? join(bundledModelsDir(), entry.source.folder) : join(baseDir, entry.id);
}

async function inspectPrecision(entry: ModelEntry, precision: Precision, baseDir: string): Promise<Installation> {
  const files = filesOf(entry, precision) ?? [];
  const own = await inspectFolder(entry, precision, files, folderOf(entry, baseDir));
  if (own.state !== "absent" || entry.source.kind === "bundled") return own;
  // A folder filled by hand, or by the Rust server of the same name, has the files right at the top.
  const flat = await inspectFolder(entry, precision, files, baseDir);
  return flat.state === "complete" ? flat : own;
}

async function inspectFolder(
  entry: ModelEntry,
  precision: Precision,
  files: readonly ModelFile[],
  dir: string,
): Promise<Installation> {
  const found = await Promise.all(
    files.map(async (file) => ({ file, bytesFound: await sizeOf(join(dir, file.name)) })),
  );
  const wrong = found.filter(({ file, bytesFound }) => bytesFound !== file.bytes);
  // The vocabulary is shared by the precisions: alone it means nothing.
  const weights = found.filter(({ file }) => file.name !== entry.precisions[precision]?.vocab);
  const absent = weights.every(({ bytesFound }) => bytesFound === undefined);
  const state = wrong.length === 0 ? "complete" : absent ? "absent" : "incomplete";
  return { entry, precision, dir, state, wrong };
}

/** undefined = not there, or not a regular file. Other failures (no permission) are the reader's to report. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const stats = await stat(path);
    return stats.isFile() ? stats.size : undefined;
  } catch (error) {
    if (isAccessError(error)) {
      throw new GigasttError(
        "GST_MODEL_UNREADABLE",
        `the model file ${path} cannot be read (${error.code}). Give the user that runs gigastt read access to it and to its folders.`,
        { cause: error },
      );
    }
    return undefined;
  }
}

function isAccessError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && (error.code === "EACCES" || error.code === "EPERM");
}

async function locateById(
  entry: ModelEntry,
  precision: ModelConfig["precision"],
  baseDir: string,
): Promise<ModelBundle> {
  if (precision !== "auto" && entry.precisions[precision] === undefined) {
    throw new GigasttError(
      "GST_MODEL_PRECISION",
      `model.precision must be one that ${entry.id} has (${Object.keys(entry.precisions).join(", ")}), found ${precision}. Set it to auto.`,
      { exitCode: 2 },
    );
  }
  const installations = await inspectModel(entry, baseDir);
  const found = choose(installations, precision);
  if (found) return bundleOf(found);
  throw missing(entry, installations, precision);
}

function choose(installations: readonly Installation[], precision: ModelConfig["precision"]): Installation | undefined {
  return installations.find(
    (installation) =>
      installation.state === "complete" && (precision === "auto" || installation.precision === precision),
  );
}

function bundleOf({ entry, precision, dir }: Installation): ModelBundle {
  return createBundle({ entry, precision, dir });
}

function missing(
  entry: ModelEntry,
  installations: readonly Installation[],
  precision: ModelConfig["precision"],
): GigasttError {
  const wanted = installations.filter((installation) => precision === "auto" || installation.precision === precision);
  const best = wanted.find(({ state }) => state === "incomplete") ?? wanted[0];
  const cure = restoreCure(entry, precision === "auto" ? undefined : precision);
  if (best?.state === "incomplete") {
    const [first] = best.wrong;
    const what =
      first?.bytesFound === undefined
        ? `${first?.file.name} is missing`
        : `${first.file.name} must have ${first.file.bytes} bytes, found ${first.bytesFound}`;
    return new GigasttError(
      "GST_MODEL_MISSING",
      `the model ${entry.id} (${best.precision}) in ${best.dir} is incomplete: ${what}. ${cure}`,
    );
  }
  return new GigasttError(
    "GST_MODEL_MISSING",
    `the model ${entry.id}${precision === "auto" ? "" : ` (${precision})`} is not installed in ${best?.dir ?? "its folder"}. ${cure}`,
  );
}

/** For people, and for `/health`: so it names no path. */
function fallbackNotice(
  registry: Registry,
  fallback: ModelEntry,
  almost: readonly Installation[],
  precision: ModelConfig["precision"],
): string {
  const better = registry.models.find(({ source }) => source.kind === "download");
  if (!better) return `The bundled ${fallback.name} model is in use.`;
  const complete = almost.find(({ state }) => state === "complete");
  const incomplete = almost.find(({ state }) => state === "incomplete");
  const reason = complete
    ? `${complete.entry.name} is installed as ${complete.precision} only and model.precision asks for ${precision}`
    : incomplete
      ? `${incomplete.entry.name} is incomplete (${incomplete.wrong.length} of ${filesOf(incomplete.entry, incomplete.precision)?.length ?? 0} files missing or cut short)`
      : `${better.name} is not installed`;
  const pull = `gigastt models pull${precision === "auto" ? "" : ` --precision ${precision}`}`;
  return `The bundled demo model is in use because ${reason}; it recognises only household commands, numbers and dates. Run "${pull}" and restart.`;
}
