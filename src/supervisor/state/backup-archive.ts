import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { GigasttError } from "../../shared/errors.ts";
import { printable } from "../../shared/text/printable.ts";

/** One file of a backup. */
export interface BackupFile {
  /** Where it belongs: `config`, `secrets/NAME`, `store/NAME`, `jobs/…`, `archive/NAME`, `state/…`. Forward slashes, relative. */
  readonly name: string;
  readonly bytes: Buffer;
}

/** Larger contents are refused while they are unpacked. A backup holds no models and no logs: some megabytes, and the audio of waiting jobs. */
export const MAX_CONTENT_BYTES: number = 256 * 2 ** 20;
const MAX_FILES = 20_000;
const MAX_NAME_BYTES = 1024;
const BLOCK = 512;

/** Folders of the state that a backup holds; nothing else of it may be restored. */
const STATE_FOLDERS: ReadonlySet<string> = new Set(["generations", "history", "proxy", "lan"]);

/** The files of the stores that a backup holds. */
const STORE_FILE =
  /^(?:store\/keys\.sqlite|jobs\/jobs\.sqlite|archive\/archive\.sqlite|jobs\/audio\/[0-9a-f-]{36}\/\d{5})$/;

/** A tar file, compressed: `tar tz` lists it. Names over 100 bytes get a pax record. */
export async function packFiles(files: readonly BackupFile[]): Promise<Buffer> {
  const blocks = files.flatMap(({ name, bytes }) => [
    ...(Buffer.byteLength(name) > 100 ? entry("pax", paxPath(name), "x") : []),
    ...entry(Buffer.from(name).toString("latin1").slice(0, 100), bytes, "0"),
  ]);
  return promisify(gzip)(Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]));
}

/** The files of a packed archive, each name checked by `checkNames`. Throws GST_BACKUP_DAMAGED. */
export async function unpackFiles(packed: Uint8Array): Promise<BackupFile[]> {
  const tar = await unzip(packed);
  const files: BackupFile[] = [];
  let longName: string | undefined;
  for (let at = 0; ;) {
    const head = tar.subarray(at, at + BLOCK);
    if (head.length < BLOCK) throw damaged("it ends in the middle of a file");
    if (head.every((byte) => byte === 0)) break;
    const size = octal(head, 124, 12);
    if (octal(head, 148, 8) !== checksum(head)) throw damaged("an entry of it is damaged");
    const bytes = tar.subarray(at + BLOCK, at + BLOCK + size);
    if (bytes.length < size) throw damaged("it ends in the middle of a file");
    const type = String.fromCharCode(head[156] ?? 0);
    if (type === "x") longName = pathOfPax(bytes);
    else if (type === "0") {
      files.push({ name: longName ?? text(head, 0, 100), bytes: Buffer.from(bytes) });
      longName = undefined;
      if (files.length > MAX_FILES) throw damaged(`it holds more than ${MAX_FILES} files`);
    } else throw damaged("it holds something other than files");
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  checkNames(files.map(({ name }) => name));
  return files;
}

/** Decompresses, at most `MAX_CONTENT_BYTES`. */
export async function unzip(packed: Uint8Array): Promise<Buffer> {
  try {
    return await promisify(gunzip)(packed, { maxOutputLength: MAX_CONTENT_BYTES });
  } catch {
    throw damaged(`it cannot be unpacked, or is larger than ${MAX_CONTENT_BYTES / 2 ** 20} MB`);
  }
}

/** Refuses names that lead elsewhere, hide from a reader, or want one path to be two things. Names in the error are made printable. */
export function checkNames(names: readonly string[]): void {
  const seen = new Set<string>();
  const folders = new Set<string>();
  for (const name of names) {
    const parts = name.split("/");
    const [kind, second, ...rest] = parts;
    const isKnown =
      name === "config" ||
      name === MANIFEST ||
      (kind === "secrets" && second !== undefined) ||
      STORE_FILE.test(name) ||
      (kind === "state" && STATE_FOLDERS.has(second ?? "") && rest.length > 0);
    const isPlain = parts.every((part) => part !== "" && part !== "." && part !== ".." && part.length <= 255);
    // oxlint-disable-next-line no-control-regex -- control characters are exactly what is refused
    const isVisible = !/[\u0000-\u001f\u007f-\u009f\\\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffd]/u.test(name);
    if (!isKnown || !isPlain || !isVisible || Buffer.byteLength(name) > MAX_NAME_BYTES)
      throw damaged(`it holds a file with the name "${printable(name, 80)}", which no backup has`);
    if (seen.has(name) || folders.has(name)) throw damaged(`it holds "${printable(name, 80)}" twice`);
    seen.add(name);
    for (let depth = 1; depth < parts.length; depth++) {
      const folder = parts.slice(0, depth).join("/");
      if (seen.has(folder)) throw damaged(`it holds "${printable(folder, 80)}" as a file and as a folder`);
      folders.add(folder);
    }
  }
}

/** What the backup says about itself: an entry of its own, read only after the passphrase has opened the file. */
export const MANIFEST = "gigastt-backup.json";

export function damaged(why: string): GigasttError {
  return new GigasttError("GST_BACKUP_DAMAGED", `this file cannot be restored: ${why}. Use another copy`);
}

// ---

function entry(name: string, bytes: Buffer, type: "0" | "x"): Buffer[] {
  const head = Buffer.alloc(BLOCK);
  head.write(name, 0, 100, "latin1");
  head.write("0000600\0", 100, "latin1");
  head.write("0000000\0", 108, "latin1");
  head.write("0000000\0", 116, "latin1");
  head.write(`${bytes.length.toString(8).padStart(11, "0")}\0`, 124, "latin1");
  head.write("00000000000\0", 136, "latin1");
  head.write(`${type}\0`, 156, "latin1");
  head.write("ustar\u000000", 257, "latin1");
  head.write(`${checksum(head).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return [head, bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)];
}

/** A pax record is `LENGTH path=NAME\n`, its length in bytes included. */
function paxPath(name: string): Buffer {
  const rest = ` path=${name}\n`;
  let length = Buffer.byteLength(rest);
  while (Buffer.byteLength(`${length}${rest}`) !== length) length = Buffer.byteLength(`${length}${rest}`);
  return Buffer.from(`${length}${rest}`);
}

function pathOfPax(bytes: Buffer): string {
  const match = /^(\d+) path=([^\n]+)\n$/.exec(bytes.toString("utf8"));
  if (match?.[2] === undefined || Number(match[1]) !== bytes.length) throw damaged("an entry of it is damaged");
  return match[2];
}

/** The sum of all bytes, the field itself read as spaces. */
function checksum(head: Buffer): number {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : (head[i] ?? 0);
  return sum;
}

function octal(head: Buffer, at: number, length: number): number {
  const digits = text(head, at, length).trim();
  if (!/^[0-7]{1,11}$/.test(digits)) throw damaged("an entry of it is damaged");
  return Number.parseInt(digits, 8);
}

function text(head: Buffer, at: number, length: number): string {
  const field = head.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? length : end).toString("utf8");
}
