import { stat } from "node:fs/promises";
import { join } from "node:path";
import { readJsonFile, writeFileAtomic } from "../shared/files.ts";

/**
 * The identity of a file's content as the file system reports it. A write, a rename over it and a restored copy all change one of these
 * (the change time cannot be set by `touch`), so equal identities mean the bytes that were hashed. Texts, because nanoseconds exceed 2^53.
 */
export interface FileIdentity {
  readonly bytes: string;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
  readonly inode: string;
  readonly device: string;
}

/** Hashes known to be right, by file name. */
export type Stamp = Readonly<Record<string, { readonly identity: FileIdentity; readonly sha256: string }>>;

const STAMP_NAME = ".gigastt-verified.json";
const KEYS = ["bytes", "mtimeNs", "ctimeNs", "inode", "device"] as const;

/** Returns the identity of a file; undefined for a folder or a device. @throws the file system's error. */
export async function identityOf(path: string): Promise<FileIdentity | undefined> {
  const stats = await stat(path, { bigint: true });
  if (!stats.isFile()) return undefined;
  return {
    bytes: String(stats.size),
    mtimeNs: String(stats.mtimeNs),
    ctimeNs: String(stats.ctimeNs),
    inode: String(stats.ino),
    device: String(stats.dev),
  };
}

export function sameIdentity(a: FileIdentity, b: FileIdentity | undefined): boolean {
  return b !== undefined && KEYS.every((key) => a[key] === b[key]);
}

/** Returns the stamp of a folder; anything unreadable, foreign or damaged is an empty stamp, which only costs a hash run. */
export async function readStamp(dir: string): Promise<Stamp> {
  const value = await readJsonFile(join(dir, STAMP_NAME));
  if (typeof value !== "object" || value === null) return {};
  const known: Record<string, Stamp[string]> = Object.create(null) as Record<string, Stamp[string]>; // no inherited names
  for (const [name, entry] of Object.entries(value)) if (isStampEntry(entry)) known[name] = entry;
  return known;
}

/** Writes the stamp, if the folder can be written: a read-only one keeps none. */
export async function writeStamp(dir: string, stamp: Stamp): Promise<void> {
  const text = `${JSON.stringify(stamp, null, 1)}\n`;
  await writeFileAtomic(join(dir, STAMP_NAME), text, { mode: 0o644, sync: false }).catch(() => undefined);
}

/** Notes that the file, which was just hashed and put there, is right. */
export async function rememberVerified(dir: string, name: string, sha256: string): Promise<void> {
  const identity = await identityOf(join(dir, name));
  if (identity) await writeStamp(dir, { ...(await readStamp(dir)), [name]: { identity, sha256 } });
}

function isStampEntry(value: unknown): value is Stamp[string] {
  if (typeof value !== "object" || value === null || !("identity" in value) || !("sha256" in value)) return false;
  const { identity, sha256 } = value;
  if (typeof sha256 !== "string" || typeof identity !== "object" || identity === null) return false;
  const texts: Record<string, unknown> = { ...identity };
  return KEYS.every((key) => typeof texts[key] === "string");
}
