import { rmdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { GigasttError, messageOf } from "../shared/errors.ts";
import { DEFAULT_LANGUAGES, bundleHash, filesOf } from "./bundle.ts";
import { copyFileIn } from "./copy.ts";
import { DownloadProblem } from "./download-problem.ts";
import { defaultRetryPolicy, downloadFile, type FileEvent, type RetryPolicy } from "./download.ts";
import { createHttpClient, proxyInUse, shownUrl } from "./http.ts";
import { folderOf } from "./locate.ts";
import { lockFolder } from "./lock.ts";
import type { ModelFile } from "./manifest.ts";
import { partOf } from "./part.ts";
import type { ModelEntry, ModelLicense, Precision } from "./registry-guard.ts";
import { requireSpace } from "./space.ts";
import { rememberVerified } from "./stamp.ts";
import { verifyFiles } from "./verify.ts";
import { makeFolderDurably } from "../shared/files.ts";

export type PullEvent =
  | {
      readonly event: "plan";
      readonly model: string;
      readonly precision: Precision;
      readonly license: ModelLicense;
      /** ISO 639-1. */
      readonly languages: readonly string[];
      readonly dir: string;
      /** Folder or base address, without credentials. */
      readonly source: string;
      readonly files: readonly ModelFile[];
      /** Bytes that still have to come. */
      readonly bytesMissing: number;
    }
  | FileEvent
  | {
      readonly event: "done";
      readonly model: string;
      readonly precision: Precision;
      readonly dir: string;
      readonly bundleHash: string;
      /** False = everything was there already. */
      readonly changed: boolean;
    };

export interface PullTuning {
  readonly retry: RetryPolicy;
  readonly stallMs: number;
  readonly connectTimeoutMs: number;
  /** Kept free beyond the files themselves. */
  readonly spaceMarginBytes: number;
}

export const defaultPullTuning: PullTuning = {
  retry: defaultRetryPolicy,
  stallMs: 30_000,
  connectTimeoutMs: 15_000,
  spaceMarginBytes: 16 << 20,
};

export interface PullOptions {
  readonly entry: ModelEntry;
  readonly precision: Precision;
  /** Folder of all models (`modelsDir`). */
  readonly baseDir: string;
  /** Base address or folder that replaces the registry's address. A relative folder is resolved against `cwd`. */
  readonly from?: string | undefined;
  readonly cwd: string;
  /** Network use is forbidden; a folder is still allowed. */
  readonly offline: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly onEvent: (event: PullEvent) => void;
  readonly tuning?: PullTuning;
}

/**
 * Makes one precision of a model complete and right on disk. What is already right stays untouched.
 * @throws GigasttError `GST_MODEL_DOWNLOAD`, `GST_MODEL_OFFLINE`, `GST_MODEL_SPACE`, `GST_MODEL_LOCKED`, `GST_MODEL_WRITE`; the signal's reason when aborted.
 */
export async function pullModel(options: PullOptions): Promise<void> {
  const { entry, precision, signal, onEvent } = options;
  const files = filesOf(entry, precision);
  if (files === undefined || entry.source.kind !== "download") throw nothingToPull(entry, precision);
  const dir = folderOf(entry, options.baseDir);
  const source = sourceOf(entry.source.baseUrl, options);
  const finish = (changed: boolean): void =>
    onEvent({ event: "done", model: entry.id, precision, dir, bundleHash: bundleHash(files), changed });
  await makeFolder(dir);
  const lock = await lockFolder(dir).catch((error: unknown) => Promise.reject(asWriteError(error, dir)));
  try {
    const missing = await wrongFiles(dir, files, signal);
    if (missing.length === 0) return finish(false);
    if (options.offline && source.kind === "url") throw offline(entry, precision, dir);
    const bytesMissing = await missingBytes(dir, missing);
    await requireSpace(dir, bytesMissing + (options.tuning ?? defaultPullTuning).spaceMarginBytes);
    onEvent({
      event: "plan",
      model: entry.id,
      precision,
      license: entry.license,
      languages: entry.languages ?? DEFAULT_LANGUAGES,
      dir,
      source: source.shown,
      files: missing,
      bytesMissing,
    });
    await bring(missing, dir, source, options);
    // The stamp knows what was just hashed, so this costs nothing unless another process wrote here since.
    const wrong = await wrongFiles(dir, files, signal);
    if (wrong[0])
      throw new GigasttError(
        "GST_MODEL_WRITE",
        `${join(dir, wrong[0].name)} changed while the model was pulled. Find the other program that writes there.`,
      );
    finish(true);
  } catch (error) {
    signal.throwIfAborted();
    throw explain(error, dir, options);
  } finally {
    await lock.release();
    // Succeeds only when nothing came: a failed pull leaves no empty folder.
    await rmdir(dir).catch(() => undefined);
  }
}

type Source =
  | { readonly kind: "url"; readonly base: URL; readonly shown: string }
  | { readonly kind: "folder"; readonly dir: string; readonly shown: string };

function sourceOf(registryUrl: string, options: PullOptions): Source {
  const from = options.from;
  if (from !== undefined && from.startsWith("file:")) {
    const dir = folderOfUrl(from);
    return { kind: "folder", dir, shown: dir };
  }
  if (from !== undefined && !/^[a-z][a-z0-9+.-]*:\/\//i.test(from)) {
    const dir = resolve(options.cwd, from);
    return { kind: "folder", dir, shown: dir };
  }
  const base = parseBase(from ?? registryUrl);
  return { kind: "url", base, shown: shownUrl(base) };
}

function parseBase(text: string): URL {
  const base = URL.canParse(text) ? new URL(text) : undefined;
  if (base?.protocol !== "https:" && base?.protocol !== "http:") {
    throw new GigasttError(
      "GST_MODEL_DOWNLOAD",
      `the base address (--from or model.mirror) must be like https://mirror.example.com/models/, found ${base ? shownUrl(base) : JSON.stringify(text.slice(0, 80))}.`,
      { exitCode: 2 },
    );
  }
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  return base;
}

function folderOfUrl(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new GigasttError(
      "GST_MODEL_DOWNLOAD",
      `--from must be a folder or an address like file:///media/stick, found ${url}.`,
      {
        cause: error,
        exitCode: 2,
      },
    );
  }
}

async function bring(files: readonly ModelFile[], dir: string, source: Source, options: PullOptions): Promise<void> {
  const { entry, signal, onEvent } = options;
  const tuning = options.tuning ?? defaultPullTuning;
  // Small files first: a wrong base address shows after kilobytes, not after the encoder.
  const ordered = [...files].sort((a, b) => a.bytes - b.bytes);
  if (source.kind === "folder") {
    for (const file of ordered) {
      const target = join(dir, file.name);
      await copyFileIn({ file, target, fromDir: source.dir, modelId: entry.id, signal, onEvent });
      await rememberVerified(dir, file.name, file.sha256);
    }
    return;
  }
  const client = createHttpClient({ env: options.env, ...tuning });
  try {
    for (const file of ordered) {
      const target = join(dir, file.name);
      // A query of the base address (an access token) goes along.
      const url = new URL(source.base);
      url.pathname += file.name;
      await downloadFile({ file, target, url: url.href, client, retry: tuning.retry, signal, onEvent });
      await rememberVerified(dir, file.name, file.sha256);
    }
  } finally {
    await client.close();
  }
}

async function wrongFiles(dir: string, files: readonly ModelFile[], signal: AbortSignal): Promise<ModelFile[]> {
  const verdicts = await verifyFiles(dir, files, { signal, keepsStamp: true });
  return verdicts.filter(({ state }) => state !== "ok").map(({ file }) => file);
}

async function missingBytes(dir: string, files: readonly ModelFile[]): Promise<number> {
  const parts = await Promise.all(files.map(({ name }) => partOf(join(dir, name)).size()));
  return files.reduce((sum, file, i) => sum + file.bytes - Math.min(file.bytes, parts[i] ?? 0), 0);
}

async function makeFolder(dir: string): Promise<void> {
  try {
    await makeFolderDurably(dir, 0o755);
  } catch (error) {
    throw asWriteError(error, dir);
  }
}

// --- errors

function explain(error: unknown, dir: string, options: PullOptions): unknown {
  if (error instanceof GigasttError) return error;
  if (error instanceof DownloadProblem) {
    const proxy = proxyInUse(options.env);
    const cure =
      error.cure ??
      (error.retriable || error.cause !== undefined
        ? `Check the network${proxy === undefined ? " (a proxy is taken from HTTPS_PROXY)" : ` and the proxy ${proxy}`} and run the same command again: it continues where it stopped.`
        : "Check model.mirror or --from, or pull from a folder with --from DIR.");
    return new GigasttError("GST_MODEL_DOWNLOAD", `the model could not be downloaded: ${error.message}. ${cure}`, {
      cause: error,
    });
  }
  return asWriteError(error, dir);
}

function asWriteError(error: unknown, dir: string): unknown {
  if (error instanceof GigasttError || !(error instanceof Error) || !("code" in error)) return error;
  if (error.code === "ENOSPC" || error.code === "EDQUOT") {
    return new GigasttError(
      "GST_MODEL_SPACE",
      `the disk of ${dir} is full (${String(error.code)}). Free some space and run the same command again: it continues where it stopped.`,
      { cause: error },
    );
  }
  return new GigasttError(
    "GST_MODEL_WRITE",
    `${dir} cannot be written (${messageOf(error)}). Give the user that runs gigastt write access, or set model.dir (GIGASTT_MODEL_DIR).`,
    { cause: error },
  );
}

function offline(entry: ModelEntry, precision: Precision, dir: string): GigasttError {
  const pull = `gigastt models pull ${entry.id} --precision ${precision}`;
  return new GigasttError(
    "GST_MODEL_OFFLINE",
    `downloads are disabled (--offline, model.offline or GIGASTT_OFFLINE) and ${dir} is incomplete.\n` +
      `On a machine with a network run \`${pull}\`, copy its folder here and run \`${pull} --from FOLDER\`: it checks every hash.`,
  );
}

function nothingToPull(entry: ModelEntry, precision: Precision): GigasttError {
  if (entry.source.kind !== "download") {
    const where = entry.source.kind === "bundled" ? "is part of the installation" : "was made on this machine";
    return new GigasttError("GST_MODEL_SOURCE", `${entry.id} ${where}, so there is nothing to pull.`, { exitCode: 2 });
  }
  return new GigasttError(
    "GST_MODEL_PRECISION",
    `--precision must be one that ${entry.id} has (${Object.keys(entry.precisions).join(", ")}), found ${precision}.`,
    { exitCode: 2 },
  );
}
