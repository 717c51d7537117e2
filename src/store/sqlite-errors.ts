import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import { errorCodeOf, GigasttError, messageOf } from "../shared/errors.ts";

/** A file of the store, as errors name it. */
export interface StoreFile {
  readonly path: string;
  /** What it holds, plural: "API keys". */
  readonly contents: string;
}

/** Codes of https://sqlite.org/rescode.html; the low byte says the kind. */
const BUSY = 5;
const LOCKED = 6;
const READ_ONLY = 8;
const INPUT_OUTPUT = 10;
const CORRUPT = 11;
const FULL = 13;
const CANNOT_OPEN = 14;
const CONSTRAINT = 19;
const NOT_A_DATABASE = 26;

/** Returns whether a statement failed because a UNIQUE, CHECK, NOT NULL or FOREIGN KEY rule of its table would be broken. */
export function breaksConstraint(error: unknown): boolean {
  return kindOf(error) === CONSTRAINT;
}

/** Returns the error for people: what is wrong with the file and what to do. Errors that are not SQLite's stay as they are. */
export function storeError(error: unknown, file: StoreFile): unknown {
  if (error instanceof GigasttError) return error;
  const described = describe(kindOf(error), error, file);
  return described === undefined ? error : new GigasttError(described.code, described.message, { cause: error });
}

/** Returns the error of a file whose contents SQLite cannot use. */
export function damaged(file: StoreFile, what: string): GigasttError {
  return new GigasttError("GST_STORE_DAMAGED", damage(file, what));
}

/** Returns why a folder of the store cannot be used. */
export function folderError(error: unknown, dir: string): GigasttError {
  return new GigasttError("GST_STORE_DIR", folderMessage(errorCodeOf(error), dir, error), { cause: error });
}

// ---

function kindOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  for (const name of ["errcode", "rawCode"]) {
    const code: unknown = Reflect.get(error, name);
    if (typeof code === "number") return code & 0xff;
  }
  // libsql reports a failed open as text that ends with the code.
  const open = /ConnectionFailed\(.*: (\d+)"\)$/s.exec(messageOf(error))?.[1];
  return open === undefined ? undefined : Number(open) & 0xff;
}

function describe(
  kind: number | undefined,
  error: unknown,
  file: StoreFile,
): { readonly code: string; readonly message: string } | undefined {
  const { path, contents } = file;
  switch (kind) {
    case BUSY:
    case LOCKED:
      return {
        code: "GST_STORE_BUSY",
        message: `${path} (${contents}) is locked by another process for too long; try again, or find the process with: fuser ${path}`,
      };
    case FULL:
      return {
        code: "GST_STORE_FULL",
        message: `${path} (${contents}) cannot grow: the disk is full. Nothing was changed. Free some space and try again`,
      };
    case CORRUPT:
    case NOT_A_DATABASE:
      return { code: "GST_STORE_DAMAGED", message: damage(file, messageOf(error)) };
    case READ_ONLY:
    case CANNOT_OPEN:
    case INPUT_OUTPUT:
      return accessProblem(kind, error, file);
    default:
      return undefined;
  }
}

function accessProblem(kind: number, error: unknown, { path, contents }: StoreFile) {
  const dir = dirname(path);
  try {
    // WAL needs to create files beside the database, so the folder must be writable too.
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (reason) {
    return { code: "GST_STORE_DIR", message: folderMessage(errorCodeOf(reason), dir, reason) };
  }
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
  } catch (reason) {
    return {
      code: "GST_STORE_FILE",
      message: `${path} (${contents}) must be readable and writable by the user that runs gigastt (${errorCodeOf(reason) ?? "denied"}): fix its owner and mode (0600)`,
    };
  }
  return {
    code: kind === INPUT_OUTPUT ? "GST_STORE_IO" : "GST_STORE_FILE",
    message: `${path} (${contents}) cannot be ${kind === INPUT_OUTPUT ? "read or written" : "opened for writing"}: ${messageOf(error)}. Check the disk and free space: df ${dir}; dmesg | tail`,
  };
}

function damage({ path, contents }: StoreFile, what: string): string {
  return `${path} (${contents}) is damaged: ${what}. Stop the service and restore it from a backup with: gigastt restore FILE. Without a backup, move ${path}, ${path}-wal and ${path}-shm away; the ${contents} in it are lost`;
}

function folderMessage(code: string | undefined, dir: string, error: unknown): string {
  switch (code) {
    case "EROFS":
      return `store folder ${dir} is on a read-only file system: mount a writable volume there, or set store.dir`;
    case "EACCES":
    case "EPERM":
      return `store folder ${dir} must be writable by the user that runs gigastt: fix its owner, or set store.dir`;
    case "ENOSPC":
      return `store folder ${dir} cannot be created: the disk is full. Free some space and try again`;
    case "ENOTDIR":
    case "EEXIST":
      return `store folder ${dir} must be a folder: remove the file of that name, or set store.dir`;
    default:
      return `store folder ${dir} cannot be used: ${messageOf(error)}`;
  }
}
