import { constants } from "node:fs";
import { type FileHandle, mkdtemp, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { GigasttError, messageOf } from "../shared/errors.ts";
import { makeFolderDurably, renameDurably } from "../shared/files.ts";
import { createBundle, filesOf } from "./bundle.ts";
import { describeFile, writeLocalManifest } from "./local.ts";
import type { FrontEnd, ModelBundle } from "./manifest.ts";
import { PRECISIONS, parseRegistry } from "./registry-guard.ts";
import type { ModelEntry, ModelLicense, Precision, PrecisionFiles, Registry } from "./registry-guard.ts";
import { lockFolder } from "./lock.ts";
import { requireSpace } from "./space.ts";

export interface ImportOptions {
  /** Folder with the files of one model, and perhaps its `model.json`. */
  readonly from: string;
  /** Folder of all models. */
  readonly baseDir: string;
  readonly registry: Registry;
  /** Instead of the manifest's; needed without one. */
  readonly id?: string | undefined;
  readonly license?: ModelLicense | undefined;
  readonly languages?: readonly string[] | undefined;
  /** Front end of a model that comes without a manifest. */
  readonly frontEnd: FrontEnd;
}

/** A copy of the model, complete but not in its place: it is tried first. */
export interface StagedModel {
  readonly entry: ModelEntry;
  readonly bundle: ModelBundle;
  /** Moves it to its place and returns that. */
  publish(): Promise<string>;
  discard(): Promise<void>;
}

/**
 * Copies the model of a folder beside its place. Only plain files of the folder itself are read, never through links.
 * @throws GigasttError `GST_MODEL_IMPORT` (exit 2) with the rule that the folder breaks, `GST_MODEL_CORRUPT`, `GST_MODEL_REGISTRY`, `GST_MODEL_SPACE`.
 */
export async function stageModel(options: ImportOptions): Promise<StagedModel> {
  const { from, baseDir, registry } = options;
  const names = await namesIn(from);
  const known = await knownModel(from, registry);
  if (known) throw refusal(`${from} holds ${known.id}, which is in the registry`, known.cure);
  const given = names.includes(MANIFEST) ? await readManifest(from) : undefined;
  const found = given ?? guess(names, from);
  const id = options.id ?? given?.id;
  if (id === undefined || !/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(id) || id.length > 64)
    throw refusal(
      `the model must have an id of lower-case letters, digits and dashes, got ${id ?? "none"}`,
      "Add --id NAME.",
    );
  if (registry.models.some((model) => model.id === id) || (await exists(join(baseDir, id))))
    throw refusal(`a model ${id} exists already`, "Choose another one with --id NAME.");
  const license = options.license ?? given?.license;
  if (license === undefined)
    throw refusal(`${from} does not say under which licence the model is`, "Add --license NAME --holder NAME.");

  const wanted = [...new Set(Object.values(found.precisions).flatMap((roles) => fileNames(roles)))];
  await makeFolderDurably(baseDir, 0o755);
  await requireSpace(baseDir, await totalBytes(from, wanted));
  await removeLeftovers(baseDir);
  const dir = await mkdtemp(join(baseDir, STAGE));
  // Tells the next import that this folder is in use.
  const lock = await lockFolder(dir);
  const discard = async (): Promise<void> => {
    await lock.release();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    for (const name of wanted) await copyPlainFile(join(from, name), join(dir, name));
    const files = await Promise.all(wanted.map((name) => describeFile(dir, name)));
    for (const file of given?.files ?? []) {
      const copied = files.find(({ name }) => name === file.name);
      if (copied && copied.sha256 !== file.sha256)
        throw new GigasttError(
          "GST_MODEL_CORRUPT",
          `${file.name} must have the SHA-256 ${file.sha256} of ${MANIFEST}, it has ${copied.sha256}. Copy the model again from its source.`,
        );
    }
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const entry: ModelEntry = {
      id,
      name: given?.name ?? id,
      version: given?.version ?? "1",
      summary: given?.summary ?? "Imported from a folder.",
      license,
      languages: options.languages ?? given?.languages ?? ["ru"],
      source: { kind: "local", madeFrom: "an imported folder" },
      files,
      precisions: withMemory(found.precisions, bytes),
      frontEnd: given?.frontEnd ?? options.frontEnd,
      ...(given?.windows && { windows: given.windows }),
    };
    await writeLocalManifest(dir, entry);
    const precision = PRECISIONS.find((name) => entry.precisions[name] !== undefined) ?? "fp32";
    return {
      entry,
      bundle: createBundle({ entry, precision, dir }),
      discard,
      publish: async () => {
        await lock.release();
        await renameDurably(dir, join(baseDir, id));
        return join(baseDir, id);
      },
    };
  } catch (error) {
    await discard();
    throw error;
  }
}

// ---

const MANIFEST = "model.json";
const MAX_ENTRIES = 200;
/** ONNX files end at 2 GiB: larger weights lie in files of their own, which are not supported. */
const MAX_FILE_BYTES = 2 ** 31;
const MAX_MANIFEST_BYTES = 1_000_000;

/** How the folder of a model begins that is not in its place yet. */
const STAGE = ".import-";

/** Removes what a killed import left. */
async function removeLeftovers(baseDir: string): Promise<void> {
  for (const name of (await readdir(baseDir)).filter((entry) => entry.startsWith(STAGE))) {
    const lock = await lockFolder(join(baseDir, name)).catch(() => undefined);
    if (lock !== undefined) await rm(join(baseDir, name), { recursive: true, force: true });
    await lock?.release();
  }
}

type Roles = Omit<PrecisionFiles, "memoryBytes">;
type Precisions = Readonly<Partial<Record<Precision, Roles>>>;

async function namesIn(from: string): Promise<readonly string[]> {
  const entries = await readdir(from, { withFileTypes: true }).catch((error: unknown) => {
    throw refusal(
      `${from} cannot be read as a folder (${messageOf(error)})`,
      "Name the folder that holds the model's files.",
    );
  });
  if (entries.length > MAX_ENTRIES)
    throw refusal(
      `${from} must have at most ${MAX_ENTRIES} entries, found ${entries.length}`,
      "Copy the model's files to a folder of their own.",
    );
  return entries.map(({ name }) => name);
}

/** A model of the registry is checked against the registry's hashes, by the command that does that. */
async function knownModel(from: string, registry: Registry): Promise<{ id: string; cure: string } | undefined> {
  for (const entry of registry.models.filter(({ source }) => source.kind === "download")) {
    for (const precision of PRECISIONS) {
      const files = filesOf(entry, precision) ?? [];
      const sizes = await Promise.all(files.map(({ name }) => sizeOf(join(from, name))));
      if (files.length > 0 && files.every(({ bytes }, index) => sizes[index] === bytes))
        return {
          id: entry.id,
          cure: `Run \`gigastt models pull ${entry.id} --precision ${precision} --from ${from}\`.`,
        };
    }
  }
  return undefined;
}

async function readManifest(from: string): Promise<ModelEntry> {
  const path = join(from, MANIFEST);
  const file = await openPlain(path, MAX_MANIFEST_BYTES);
  let text: string;
  try {
    text = await file.readFile("utf8");
  } finally {
    await file.close();
  }
  const { models } = await parseRegistry(text, path);
  if (models.length !== 1 || models[0] === undefined)
    throw refusal(`${path} must describe one model, found ${models.length}`, "Keep one entry in it.");
  return models[0];
}

/** Roles by the names that exporters give. */
function guess(names: readonly string[], from: string): { readonly precisions: Precisions } {
  const graphs = names.filter((name) => name.endsWith(".onnx"));
  const [vocab, ...others] = names.filter((name) => /(?:^|[_.-])(?:vocab|tokens)\.txt$/.test(name));
  const cure = `Rename the files, or describe them in ${MANIFEST}: docs/reference/models.md.`;
  if (vocab === undefined || others.length > 0)
    throw refusal(
      `${from} must have one vocabulary (vocab.txt or tokens.txt), found ${others.length === 0 ? "none" : others.length + 1}`,
      cure,
    );
  const one = (pattern: RegExp): string | undefined => {
    const found = graphs.filter((name) => pattern.test(name));
    return found.length === 1 ? found[0] : undefined;
  };
  const [encoder, decoder, joint] = [one(/encoder/), one(/decoder/), one(/join/)];
  const isTransducer = graphs.length === 3 && encoder !== undefined && decoder !== undefined && joint !== undefined;
  const [graph] = graphs;
  if (graph === undefined || (!isTransducer && graphs.length !== 1))
    throw refusal(
      `${from} must have one .onnx file (CTC) or encoder, decoder and joint (RNN-T), found ${graphs.join(", ") || "none"}`,
      cure,
    );
  const roles: Roles = isTransducer ? { encoder, decoder, joint, vocab } : { encoder: graph, vocab };
  return { precisions: { [/int8/.test(roles.encoder) ? "int8" : "fp32"]: roles } };
}

function fileNames({ encoder, decoder, joint, vocab }: Roles): readonly string[] {
  return [encoder, decoder, joint, vocab].filter((name) => name !== undefined);
}

function withMemory(precisions: Precisions, bytes: number): ModelEntry["precisions"] {
  const memoryBytes = Math.round(bytes * 1.6);
  return Object.fromEntries(Object.entries(precisions).map(([name, roles]) => [name, { memoryBytes, ...roles }]));
}

async function totalBytes(from: string, names: readonly string[]): Promise<number> {
  let sum = 0;
  for (const name of names) {
    const file = await openPlain(join(from, name), MAX_FILE_BYTES);
    sum += (await file.stat()).size;
    await file.close();
  }
  return sum;
}

async function copyPlainFile(from: string, to: string): Promise<void> {
  const source = await openPlain(from, MAX_FILE_BYTES);
  const target = await open(to, "wx", 0o644);
  try {
    const { size } = await source.stat();
    const buffer = new Uint8Array(1 << 20);
    for (let at = 0; at < size;) {
      const { bytesRead } = await source.read(buffer, 0, Math.min(buffer.length, size - at), at);
      if (bytesRead === 0) throw refusal(`${from} became shorter while it was copied`, "Import it again.");
      await target.write(buffer, 0, bytesRead, at);
      at += bytesRead;
    }
    await target.sync();
  } finally {
    await source.close();
    await target.close();
  }
}

/** A device or a pipe would hang or never end; a link may lead anywhere. */
async function openPlain(path: string, maxBytes: number): Promise<FileHandle> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch((error: unknown) => {
    const isLink = error instanceof Error && "code" in error && (error.code === "ELOOP" || error.code === "EMLINK");
    throw refusal(
      isLink ? `${path} must be a plain file, it is a link` : `${path} cannot be read (${messageOf(error)})`,
      isLink ? "Copy the file itself." : "Check that the file is there and readable.",
    );
  });
  const stats = await file.stat();
  if (stats.isFile() && stats.size > 0 && stats.size <= maxBytes) return file;
  await file.close();
  throw stats.isFile()
    ? refusal(`${path} must have 1 to ${maxBytes} bytes, found ${stats.size}`, "Check that this is the right file.")
    : refusal(`${path} must be a plain file`, "Copy the file itself.");
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

function refusal(rule: string, cure: string): GigasttError {
  return new GigasttError("GST_MODEL_IMPORT", `${rule}. ${cure}`, { exitCode: 2 });
}
