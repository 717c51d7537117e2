import { copyFile, mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errorCodeOf, GigasttError, messageOf } from "../../shared/errors.ts";
import { damaged } from "./backup-archive.ts";
import type { BackupFile } from "./backup-archive.ts";
import type { Backup } from "./backup-format.ts";
import { renameDurably, writeFileAtomic } from "../../shared/files.ts";
import { readClaim } from "./claim.ts";
import { isAlive } from "../../shared/process/process-identity.ts";
import type { StatePaths } from "./state-dir.ts";

/** Where the parts of an installation live. */
export interface BackupPlaces {
  readonly configPath: string | undefined;
  readonly secretsDir: string;
  readonly storeDir: string;
  readonly jobsDir: string;
  readonly archiveDir: string;
  readonly paths: StatePaths;
  /** What a restore replaces is kept in a folder of its own in here. */
  readonly keptIn: string;
}

/** Reads the files that make this installation: configuration, secrets, last healthy configurations, history, certificates of a managed proxy and of the home network. Logs and models stay out; the stores, which are written while they are read, are copied by `store/backup.ts`. */
export async function collectFiles(
  places: Omit<BackupPlaces, "storeDir" | "jobsDir" | "archiveDir" | "keptIn">,
): Promise<BackupFile[]> {
  const files: BackupFile[] = [];
  if (places.configPath !== undefined) files.push(await fileAt(places.configPath, "config"));
  files.push(...(await filesBelow(places.secretsDir, "secrets")));
  files.push(...(await filesBelow(places.paths.generationsDir, "state/generations")));
  files.push(...(await filesBelow(places.paths.historyDir, "state/history")));
  // Of a managed proxy: its own CA, which clients trust, and its account at the certificate authority.
  files.push(...(await filesBelow(join(places.paths.dir, "proxy", "data"), "state/proxy/data")));
  // The CA that devices at home trust.
  files.push(...(await filesBelow(join(places.paths.dir, "lan"), "state/lan")));
  return files;
}

/** What a restore wrote. */
export interface RestoreOutcome {
  readonly written: readonly string[];
  /** What was there before lies here, complete. */
  readonly keptIn: string | undefined;
}

/**
 * Puts an opened backup back. Everything is written beside its place, and only then the old is moved aside: a restore that
 * fails leaves what was there.
 */
export async function restoreBackup(backup: Backup, places: BackupPlaces): Promise<RestoreOutcome> {
  const holder = await readClaim(places.paths);
  if (holder !== undefined && isAlive(holder)) {
    throw new GigasttError(
      "GST_RESTORE_RUNNING",
      `gigastt runs in ${places.paths.dir} (pid ${holder.pid}): stop it with "gigastt down" before restoring`,
    );
  }
  const targets = backup.files.map((file) => ({ file, path: targetOf(file.name, places) }));
  const staged: { temporary: string; path: string }[] = [];
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-");
  try {
    for (const { file, path } of targets) {
      // Others must reach the configuration; secrets and state are their owner's alone.
      const isConfig = file.name === "config";
      await mkdir(dirname(path), { recursive: true, mode: isConfig ? 0o755 : 0o700 });
      const temporary = join(dirname(path), `.${basename(path)}.restore-${stamp}`);
      // Never the archive's mode: the configuration keeps that of the file it replaces.
      const present = await stat(path).catch(() => undefined);
      await writeFileAtomic(temporary, file.bytes, { mode: isConfig ? (present?.mode ?? 0o644) & 0o777 : 0o600 });
      staged.push({ temporary, path });
    }
  } catch (error) {
    for (const { temporary } of staged) await rm(temporary, { force: true });
    throw error;
  }
  // SQLite would add the log of the old file to the restored one.
  const logs = targets.flatMap(({ file, path }) =>
    file.name.endsWith(".sqlite") ? [`${path}-wal`, `${path}-shm`] : [],
  );
  const keptIn = await keepOld(
    [...staged.map(({ path }) => path), ...logs],
    join(places.keptIn, `before-restore-${stamp}`),
  );
  for (const path of logs) await rm(path, { force: true });
  // The server deletes audio that no job has: that of the jobs before goes aside.
  const audio = join(places.jobsDir, "audio");
  const restored = new Set(targets.map(({ path }) => dirname(path)));
  const olds = backup.files.some(({ name }) => name === "jobs/jobs.sqlite") ? await readdir(audio).catch(() => []) : [];
  for (const old of olds.filter((id) => !restored.has(join(audio, id)))) {
    await mkdir(join(places.jobsDir, `before-restore-${stamp}`), { recursive: true, mode: 0o700 });
    await rename(join(audio, old), join(places.jobsDir, `before-restore-${stamp}`, old));
  }
  for (const { temporary, path } of staged) await renameDurably(temporary, path);
  return { written: staged.map(({ path }) => path), keptIn };
}

// ---

function targetOf(name: string, places: BackupPlaces): string {
  const [kind = "", ...rest] = name.split("/");
  if (name === "config") {
    const path = places.configPath;
    if (path === undefined)
      throw new GigasttError("GST_RESTORE_CONFIG", "name where the configuration goes: --config FILE");
    return path;
  }
  if (kind === "secrets") return join(places.secretsDir, ...rest);
  if (kind === "store") return join(places.storeDir, ...rest);
  if (kind === "jobs") return join(places.jobsDir, ...rest);
  if (kind === "archive") return join(places.archiveDir, ...rest);
  if (kind === "state") return join(places.paths.dir, ...rest);
  throw damaged(`it holds ${JSON.stringify(name)}, which this version does not know`);
}

async function keepOld(paths: readonly string[], keptDir: string): Promise<string | undefined> {
  let kept = false;
  for (const [i, path] of paths.entries()) {
    if ((await stat(path).catch(() => undefined)) === undefined) continue;
    await mkdir(keptDir, { recursive: true, mode: 0o700 });
    await copyFile(path, join(keptDir, `${i}-${basename(path)}`));
    kept = true;
  }
  return kept ? keptDir : undefined;
}

/** A folder that is missing has no files; one that cannot be read would leave a gap in the backup. */
async function filesBelow(dir: string, prefix: string): Promise<BackupFile[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (errorCodeOf(error) === "ENOENT") return [];
    throw new GigasttError(
      "GST_BACKUP_READ",
      `${dir} cannot be read by this user (${errorCodeOf(error) ?? messageOf(error)}): run the same command with sudo`,
      { cause: error },
    );
  });
  const found = entries.filter((entry) => entry.isFile() && !entry.name.startsWith("."));
  return Promise.all(
    found.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return fileAt(path, `${prefix}/${path.slice(dir.length + 1).replaceAll("\\", "/")}`);
    }),
  );
}

async function fileAt(path: string, name: string): Promise<BackupFile> {
  return { name, bytes: await readFile(path) };
}
