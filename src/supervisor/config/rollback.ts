import { chmod, chown, copyFile, readFile, stat } from "node:fs/promises";
import { errorCodeOf, GigasttError } from "../../shared/errors.ts";
import { writeFileAtomic } from "../../shared/files.ts";
import type { Generation } from "./generations.ts";

/** What a rollback would put back. */
export interface RollbackTarget {
  readonly path: string;
  readonly generation: Generation & { readonly source: string };
}

/**
 * The configuration to go back to: the running one while the file holds another that was not applied, else the one before it.
 * Throws GST_NO_GENERATION when there is none.
 *
 * @param running undefined when nothing runs: then the newest generation counts as the one that ran last
 */
export async function findRollback(
  generations: readonly Generation[],
  path: string | undefined,
  running: Pick<Generation, "hash" | "source"> | undefined,
): Promise<RollbackTarget> {
  const present = path === undefined ? undefined : await readFile(path, "utf8").catch(() => undefined);
  const last = running ?? generations.find((one) => one.path === path);
  const found = generations.find(
    (one) =>
      one.path === path &&
      one.source !== undefined &&
      one.source !== present &&
      (present !== last?.source || one.hash !== last?.hash),
  );
  if (found?.source === undefined || path === undefined)
    throw new GigasttError("GST_NO_GENERATION", "no earlier configuration of this file is stored");
  return { path, generation: { ...found, source: found.source } };
}

/**
 * Writes the target over the file, which keeps its owner and mode; what was there is kept beside it. Throws GST_ROLLBACK_WRITE when this user
 * may not: under the hardened unit the service cannot write its own configuration.
 */
export async function writeRollback({ path, generation }: RollbackTarget): Promise<void> {
  try {
    const before = await stat(path).catch(() => undefined);
    if (before !== undefined) await copyFile(path, `${path}.before-rollback`);
    await writeFileAtomic(path, generation.source, { mode: before === undefined ? 0o644 : before.mode & 0o777 });
    const uid = process.getuid?.();
    if (before !== undefined && (before.uid !== uid || before.gid !== process.getgid?.())) {
      await chown(path, before.uid, before.gid);
      await chmod(path, before.mode & 0o777);
    }
  } catch (error) {
    const code = errorCodeOf(error);
    if (code !== "EROFS" && code !== "EACCES" && code !== "EPERM") throw error;
    throw new GigasttError(
      "GST_ROLLBACK_WRITE",
      `${path} cannot be written by this user (${code}). Run the same command with sudo`,
      { cause: error },
    );
  }
}
