import { createCipheriv, createDecipheriv, createHash, randomBytes, scrypt } from "node:crypto";
import { gunzip, gzip } from "node:zlib";
import { promisify } from "node:util";
import { isRecord } from "../../config/resolve.ts";
import { GigasttError } from "../../shared/errors.ts";

/** One file of a backup. */
export interface BackupFile {
  /** Where it belongs: `config`, `secrets/NAME`, `state/…`. Forward slashes, relative. */
  readonly name: string;
  readonly mode: number;
  readonly bytes: Buffer;
}

/** What a backup says about itself; readable without the passphrase but bound to the content by the cipher. */
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
  /** How to get it back, as a sentence. */
  readonly cure: string;
}

export interface Backup {
  readonly header: BackupHeader;
  readonly files: readonly BackupFile[];
}

/** Backups of a higher number come from a newer gigastt. */
export const BACKUP_FORMAT: number = 1;

const MAGIC = "gigastt-backup\n";
/** scrypt: about 128 MiB and a third of a second, once per backup. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 2 ** 20 } as const;
const MAX_HEADER_BYTES = 1024 * 1024;

/** Seals a backup with a passphrase: scrypt, then AES-256-GCM over the zipped files, the header as authenticated data. */
export async function sealBackup(backup: Backup, passphrase: string): Promise<Buffer> {
  const salt = randomBytes(16);
  const nonce = randomBytes(12);
  const header = Buffer.from(JSON.stringify(backup.header));
  const content = JSON.stringify(
    backup.files.map((file) => ({ ...file, bytes: file.bytes.toString("base64"), sha256: sha256(file.bytes) })),
  );
  const cipher = createCipheriv("aes-256-gcm", await keyOf(passphrase, salt), nonce);
  cipher.setAAD(header);
  const body = Buffer.concat([cipher.update(await promisify(gzip)(content)), cipher.final()]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(header.length);
  return Buffer.concat([Buffer.from(MAGIC), length, header, salt, nonce, cipher.getAuthTag(), body]);
}

/** Opens a backup and checks every file in it; throws before anything was touched when it is not whole, not ours or not for us. */
export async function openBackup(bytes: Buffer, passphrase: string): Promise<Backup> {
  const header = readHeader(bytes);
  const at = MAGIC.length + 4 + bytes.readUInt32BE(MAGIC.length);
  const [salt, nonce, tag, body] = [
    bytes.subarray(at, at + 16),
    bytes.subarray(at + 16, at + 28),
    bytes.subarray(at + 28, at + 44),
    bytes.subarray(at + 44),
  ];
  if (tag.length < 16) throw damaged("it is cut short");
  const decipher = createDecipheriv("aes-256-gcm", await keyOf(passphrase, salt), nonce);
  decipher.setAAD(bytes.subarray(MAGIC.length + 4, at));
  decipher.setAuthTag(tag);
  let content: unknown;
  try {
    const zipped = Buffer.concat([decipher.update(body), decipher.final()]);
    content = JSON.parse((await promisify(gunzip)(zipped)).toString("utf8"));
  } catch {
    throw new GigasttError(
      "GST_BACKUP_KEY",
      "the passphrase does not open this backup, or the file is damaged: try the passphrase it was made with",
    );
  }
  if (!Array.isArray(content)) throw damaged("it lists no files");
  return { header, files: content.map(fileOf) };
}

/** The header alone, for `restore` to refuse what it must not open. */
export function readHeader(bytes: Buffer): BackupHeader {
  if (bytes.subarray(0, MAGIC.length).toString() !== MAGIC || bytes.length < MAGIC.length + 4)
    throw damaged("it is no gigastt backup");
  const length = bytes.readUInt32BE(MAGIC.length);
  if (length > MAX_HEADER_BYTES || bytes.length < MAGIC.length + 4 + length) throw damaged("it is cut short");
  let value: unknown;
  try {
    value = JSON.parse(bytes.subarray(MAGIC.length + 4, MAGIC.length + 4 + length).toString("utf8"));
  } catch {
    throw damaged("its header cannot be read");
  }
  if (!isRecord(value) || typeof value["format"] !== "number") throw damaged("its header cannot be read");
  if (value["format"] > BACKUP_FORMAT) {
    throw new GigasttError(
      "GST_BACKUP_NEWER",
      `this backup has format ${value["format"]}, this gigastt reads up to ${BACKUP_FORMAT}: it was made by version ${String(value["version"])}, use that or a newer one`,
    );
  }
  const { version, at, configPath, models } = value;
  return {
    format: value["format"],
    product: "gigastt",
    version: String(version),
    at: String(at),
    configPath: typeof configPath === "string" ? configPath : null,
    models: Array.isArray(models) ? models.flatMap((model: unknown) => (isRecord(model) ? [modelOf(model)] : [])) : [],
  };
}

// ---

function modelOf({ id, precision, hash, cure }: Readonly<Record<string, unknown>>): BackedUpModel {
  return { id: String(id), precision: String(precision), hash: String(hash), cure: String(cure) };
}

function fileOf(value: unknown): BackupFile {
  if (!isRecord(value)) throw damaged("a file entry cannot be read");
  const { name, mode, bytes, sha256: hash } = value;
  if (typeof name !== "string" || typeof mode !== "number" || typeof bytes !== "string")
    throw damaged("a file entry cannot be read");
  // Written below a folder of ours: a name must not lead out of it.
  if (name.split("/").some((part) => part === "" || part === "." || part === "..") || name.includes("\\"))
    throw damaged(`the name "${name}" leads elsewhere`);
  const content = Buffer.from(bytes, "base64");
  if (sha256(content) !== hash) throw damaged(`${name} does not have the hash it was saved with`);
  return { name, mode: mode & 0o777, bytes: content };
}

function keyOf(passphrase: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize("NFC"), salt, 32, SCRYPT, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function damaged(why: string): GigasttError {
  return new GigasttError("GST_BACKUP_DAMAGED", `this file cannot be restored: ${why}. Use another copy`);
}
