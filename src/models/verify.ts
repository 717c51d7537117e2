import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { GigasttError, messageOf } from "../shared/errors.ts";
import type { ModelBundle, ModelFile } from "./manifest.ts";
import { identityOf, readStamp, sameIdentity, type Stamp, writeStamp } from "./stamp.ts";

export interface VerifyOptions {
  readonly signal?: AbortSignal;
  /** Hash again, also what the stamp remembers as right. */
  readonly fresh?: boolean;
  readonly onProgress?: (file: ModelFile, bytesDone: number) => void;
}

export type FileVerdict =
  | { readonly file: ModelFile; readonly path: string; readonly state: "ok"; readonly remembered: boolean }
  | {
      readonly file: ModelFile;
      readonly path: string;
      readonly state: "missing" | "size" | "hash" | "unreadable" | "changing";
      readonly problem: string;
    };

/**
 * Checks sizes and SHA-256 of every file of a bundle. The result is remembered in a stamp beside downloaded models, so that
 * only the first load after a change reads the whole files.
 * @throws GigasttError `GST_MODEL_MISSING`, `GST_MODEL_CORRUPT` or `GST_MODEL_UNREADABLE` naming the first bad file and the cure.
 */
export async function verifyBundle(bundle: ModelBundle, options: VerifyOptions = {}): Promise<void> {
  const dir = dirname(bundle.encoderPath);
  const verdicts = await verifyFiles(dir, bundle.files, { ...options, keepsStamp: bundle.keepsStamp === true });
  for (const verdict of verdicts) {
    if (verdict.state === "ok") continue;
    const code =
      verdict.state === "missing"
        ? "GST_MODEL_MISSING"
        : verdict.state === "unreadable"
          ? "GST_MODEL_UNREADABLE"
          : "GST_MODEL_CORRUPT";
    throw new GigasttError(code, `${verdict.problem} ${cureOf(verdict.state, bundle)}`);
  }
}

/** Returns the verdict on each file, in the given order. Never throws for a bad file; rejects with the signal's reason when aborted. */
export async function verifyFiles(
  dir: string,
  files: readonly ModelFile[],
  options: VerifyOptions & { readonly keepsStamp: boolean },
): Promise<readonly FileVerdict[]> {
  const before = options.keepsStamp ? await readStamp(dir) : {};
  const after: Record<string, Stamp[string]> = { ...before };
  const verdicts: FileVerdict[] = [];
  for (const file of files) {
    options.signal?.throwIfAborted();
    const { verdict, entry } = await verifyFile(join(dir, file.name), file, before[file.name], options);
    verdicts.push(verdict);
    if (entry) after[file.name] = entry;
    else delete after[file.name];
  }
  if (options.keepsStamp && JSON.stringify(before) !== JSON.stringify(after)) await writeStamp(dir, after);
  return verdicts;
}

/** Returns the SHA-256 of a file, read as a stream, in lower-case hex. */
export async function sha256OfFile(
  path: string,
  options: { readonly signal?: AbortSignal; readonly onProgress?: (bytesDone: number) => void } = {},
): Promise<string> {
  const hash = createHash("sha256");
  let bytesDone = 0;
  await pipeline(
    createReadStream(path, { highWaterMark: 1 << 20 }),
    async function (chunks: AsyncIterable<Uint8Array>): Promise<void> {
      for await (const chunk of chunks) {
        hash.update(chunk);
        bytesDone += chunk.byteLength;
        options.onProgress?.(bytesDone);
      }
    },
    ...(options.signal ? [{ signal: options.signal }] : []),
  );
  return hash.digest("hex");
}

async function verifyFile(
  path: string,
  file: ModelFile,
  remembered: Stamp[string] | undefined,
  options: VerifyOptions,
): Promise<{ verdict: FileVerdict; entry?: Stamp[string] }> {
  const bad = (state: Exclude<FileVerdict["state"], "ok">, problem: string): { verdict: FileVerdict } => ({
    verdict: { file, path, state, problem },
  });
  try {
    const identity = await identityOf(path);
    if (!identity) return bad("missing", `the model file ${path} is not a regular file.`);
    if (identity.bytes !== String(file.bytes)) {
      return bad("size", `the model file ${path} must have ${file.bytes} bytes, found ${identity.bytes}.`);
    }
    const known =
      options.fresh !== true && remembered?.sha256 === file.sha256 && sameIdentity(remembered.identity, identity);
    if (known) return { verdict: { file, path, state: "ok", remembered: true }, entry: remembered };
    const sha256 = await sha256OfFile(path, {
      ...(options.signal ? { signal: options.signal } : {}),
      onProgress: (bytesDone) => options.onProgress?.(file, bytesDone),
    });
    if (!sameIdentity(identity, await identityOf(path))) {
      return bad("changing", `the model file ${path} changed while it was read.`);
    }
    if (sha256 !== file.sha256) {
      return bad("hash", `the model file ${path} must have SHA-256 ${file.sha256}, found ${sha256}.`);
    }
    return { verdict: { file, path, state: "ok", remembered: false }, entry: { identity, sha256 } };
  } catch (error) {
    options.signal?.throwIfAborted();
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return bad("missing", `the model file ${path} is missing.`);
    return bad("unreadable", `the model file ${path} cannot be read (${messageOf(error)}).`);
  }
}

function cureOf(state: FileVerdict["state"], bundle: ModelBundle): string {
  if (state === "unreadable") return "Give the user that runs gigastt read access to it, or check the disk.";
  if (state === "changing") return "Wait until the copy or download is finished and start again.";
  return bundle.restore ?? "Restore it from its source.";
}
