import { createDecipheriv, createHash, scrypt } from "node:crypto";
import { isRecord } from "../../config/resolve.ts";
import { GigasttError } from "../../shared/errors.ts";
import { checkNames, damaged, unzip } from "./backup-archive.ts";
import type { BackupFile } from "./backup-archive.ts";

/** Backups of before 2027: a JSON header, then scrypt and AES-256-GCM over zipped JSON. They are read, no longer written. */
export const MAGIC_1 = "gigastt-backup\n";

const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 2 ** 20 } as const;
const MAX_HEADER_BYTES = 1024 * 1024;

/** The header, whose bytes the cipher protects, and the files. Nothing of either is returned unless the passphrase opens the file. */
export async function openFormat1(
  bytes: Buffer,
  passphrase: string,
): Promise<{ readonly header: unknown; readonly files: readonly BackupFile[] }> {
  const start = MAGIC_1.length + 4;
  const length = bytes.length < start ? MAX_HEADER_BYTES + 1 : bytes.readUInt32BE(MAGIC_1.length);
  const at = start + length;
  if (length > MAX_HEADER_BYTES || bytes.length < at + 44) throw damaged("it is cut short");
  const key = await keyOf(passphrase, bytes.subarray(at, at + 16));
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(at + 16, at + 28));
  decipher.setAAD(bytes.subarray(start, at));
  decipher.setAuthTag(bytes.subarray(at + 28, at + 44));
  let zipped: Buffer;
  try {
    zipped = Buffer.concat([decipher.update(bytes.subarray(at + 44)), decipher.final()]);
  } catch {
    throw wrongKey();
  }
  const content = parse((await unzip(zipped)).toString("utf8"));
  if (!Array.isArray(content)) throw damaged("it lists no files");
  const files = content.map(fileOf);
  checkNames(files.map(({ name }) => name));
  return { header: parse(bytes.subarray(start, at).toString("utf8")), files };
}

export function wrongKey(): GigasttError {
  return new GigasttError(
    "GST_BACKUP_KEY",
    "the passphrase does not open this backup, or the file is damaged: try the passphrase it was made with",
  );
}

// ---

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw damaged("its contents cannot be read");
  }
}

function fileOf(value: unknown): BackupFile {
  if (!isRecord(value)) throw damaged("a file entry cannot be read");
  const { name, bytes, sha256 } = value;
  if (typeof name !== "string" || typeof bytes !== "string") throw damaged("a file entry cannot be read");
  const content = Buffer.from(bytes, "base64");
  if (createHash("sha256").update(content).digest("hex") !== sha256)
    throw damaged("a file in it does not have the hash it was saved with");
  return { name, bytes: content };
}

function keyOf(passphrase: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize("NFC"), salt, 32, SCRYPT, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}
