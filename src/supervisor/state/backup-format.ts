import { isRecord } from "../../config/resolve.ts";
import { GigasttError } from "../../shared/errors.ts";
import { printable } from "../../shared/text/printable.ts";
import { damaged, MANIFEST, packFiles, unpackFiles } from "./backup-archive.ts";
import type { BackupFile } from "./backup-archive.ts";
import { MAGIC_1, openFormat1, wrongKey } from "./backup-format-1.ts";

/** What a backup says about itself. Its texts are made printable when it is opened. */
export interface BackupHeader {
  readonly format: number;
  readonly product: "gigastt";
  readonly version: string;
  readonly at: string;
  /** Absolute path of the configuration file when it was saved. */
  readonly configPath: string | null;
  /** Installed models: they are not in the backup. */
  readonly models: readonly BackedUpModel[];
}

/** A model the backup leaves out. */
export interface BackedUpModel {
  readonly id: string;
  readonly precision: string;
  /** Identity of its files. */
  readonly hash: string;
}

export interface Backup {
  readonly header: BackupHeader;
  readonly files: readonly BackupFile[];
}

/** Backups of a higher number come from a newer gigastt. 1: before 2027; 2: age over tar. */
export const BACKUP_FORMAT: number = 2;

const AGE_MAGIC = "age-encryption.org/v1\n";
/** age's own default: about a second and 256 MiB, once per backup. */
const WORK_FACTOR = 18;

/**
 * Seals a backup with a passphrase: an age file around a compressed tar. `age -d FILE | tar xz` opens it without gigastt.
 *
 * @param workFactor log2 of scrypt's cost; lower in tests
 */
export async function sealBackup(
  backup: Backup,
  passphrase: string,
  workFactor: number = WORK_FACTOR,
): Promise<Buffer> {
  const manifest: BackupFile = { name: MANIFEST, bytes: Buffer.from(JSON.stringify(backup.header, undefined, 2)) };
  const { Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  encrypter.setPassphrase(passphrase.normalize("NFC"));
  encrypter.setScryptWorkFactor(workFactor);
  return Buffer.from(await encrypter.encrypt(await packFiles([manifest, ...backup.files])));
}

/** Opens a backup of any format. Nothing of its contents is looked at before the passphrase has opened it. */
export async function openBackup(bytes: Buffer, passphrase: string): Promise<Backup> {
  const { header, files } = await openAny(bytes, passphrase);
  if (!isRecord(header) || !Number.isSafeInteger(header["format"])) throw damaged("it does not say what it is");
  const { format, version, at, configPath, models } = header;
  if (Number(format) > BACKUP_FORMAT) {
    throw new GigasttError(
      "GST_BACKUP_NEWER",
      `this backup has format ${Number(format)}, this gigastt reads up to ${BACKUP_FORMAT}: it was made by version ${text(version)}, use that or a newer one`,
    );
  }
  return {
    header: {
      format: Number(format),
      product: "gigastt",
      version: text(version),
      at: text(at),
      configPath: typeof configPath === "string" ? configPath : null,
      models: (Array.isArray(models) ? models : []).slice(0, MAX_MODELS).filter(isRecord).map(modelOf),
    },
    files,
  };
}

/** Refuses a file that is not a backup, before a passphrase is asked for. */
export function refuseOtherFiles(bytes: Buffer): void {
  const starts = (magic: string): boolean => bytes.subarray(0, magic.length).toString("latin1") === magic;
  if (!starts(AGE_MAGIC) && !starts(MAGIC_1)) throw damaged("it is not a gigastt backup");
}

// ---

const MAX_MODELS = 100;

async function openAny(
  bytes: Buffer,
  passphrase: string,
): Promise<{ readonly header: unknown; readonly files: readonly BackupFile[] }> {
  refuseOtherFiles(bytes);
  if (bytes.subarray(0, MAGIC_1.length).toString("latin1") === MAGIC_1) return openFormat1(bytes, passphrase);
  const { Decrypter } = await import("age-encryption");
  const decrypter = new Decrypter();
  decrypter.addPassphrase(passphrase.normalize("NFC"));
  let packed: Uint8Array;
  try {
    packed = await decrypter.decrypt(bytes);
  } catch {
    throw wrongKey();
  }
  const files = await unpackFiles(packed);
  const manifest = files.find(({ name }) => name === MANIFEST);
  if (manifest === undefined) throw damaged("it does not say what it is");
  return { header: parse(manifest.bytes), files: files.filter((file) => file !== manifest) };
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    throw damaged("its description cannot be read");
  }
}

function modelOf({ id, precision, hash }: Readonly<Record<string, unknown>>): BackedUpModel {
  return { id: text(id), precision: text(precision), hash: text(hash) };
}

/** For a terminal: control characters escaped, cut. */
function text(value: unknown): string {
  return printable(String(value), 200);
}
