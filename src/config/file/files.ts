import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { isAbsolute, join, relative, resolve } from "node:path";
import { messageOf } from "../../shared/errors.ts";
import { printable } from "../../shared/text/printable.ts";
import { ConfigError } from "../problems/problem.ts";
import { sleep } from "../../shared/time/timers.ts";

/** The configuration; in a checkout the example of this name belongs to the repository. */
export const FILE_NAME = "gigastt.config.yaml";
/** The operator's own configuration beside that example; git ignores it, so that an update never conflicts. */
export const LOCAL_FILE_NAME = "gigastt.local.yaml";

/** A configuration file, read. */
export interface FoundFile {
  readonly path: string;
  /** As problems name it: relative when it is below the working directory. */
  readonly shown: string;
  readonly bytes: Uint8Array;
}

export interface FindOptions {
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** Returns the file that was asked for or is found first; undefined when there is none. */
export async function findFile(options: FindOptions): Promise<FoundFile | undefined> {
  const fromEnv = options.env["GIGASTT_CONFIG"]?.trim();
  const asked = options.file ?? (fromEnv === "" ? undefined : fromEnv);
  if (asked !== undefined) {
    const file = await readFile(resolve(options.cwd, asked), options.cwd);
    if (file !== undefined) return file;
    throw fileError(
      asked,
      options.file === undefined ? "file not found (named by GIGASTT_CONFIG)" : "file not found",
      "check the path; `gigastt config print --commented --defaults` writes a new one",
    );
  }
  for (const candidate of searchPath(options.env, options.cwd)) {
    const file = await readFile(candidate, options.cwd);
    if (file !== undefined) return file;
  }
  return undefined;
}

/** Returns the places where the file is looked for when neither `--config` nor GIGASTT_CONFIG names one, first to last. */
export function searchPath(env: FindOptions["env"], cwd: string): string[] {
  const home = env["XDG_CONFIG_HOME"] || (env["HOME"] ? join(env["HOME"], ".config") : undefined);
  return [
    join(cwd, LOCAL_FILE_NAME),
    join(cwd, FILE_NAME),
    ...(home !== undefined && isAbsolute(home) ? [join(home, "gigastt", FILE_NAME)] : []),
    `/etc/gigastt/${FILE_NAME}`,
  ];
}

// ---

/** A configuration with every key and comment has about 20 KiB. */
const MAX_FILE_BYTES = 256 * 1024;
/** A pipe has no end while a writer has it open. */
const PIPE_PATIENCE_MS = 10_000;
const PIPE_POLL_MS = 20;

/** undefined when there is no such file. */
async function readFile(path: string, cwd: string): Promise<FoundFile | undefined> {
  const fromCwd = relative(cwd, path);
  const inside = fromCwd !== "" && !fromCwd.startsWith("..") && !isAbsolute(fromCwd) ? fromCwd : path;
  const shown = printable(inside, 300);
  let handle;
  try {
    // A pipe without a writer would block here, where no signal can end it.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw fileError(
      shown,
      `cannot be read: ${messageOf(error)}`,
      code === "EACCES" ? "check the permissions of the file and its folders" : "check the path",
    );
  }
  try {
    const stat = await handle.stat();
    if (stat.isDirectory())
      throw fileError(shown, "must be a file, not a folder", `for example ${join(shown, FILE_NAME)}`);
    // A pipe or /dev/stdin has no size: read up to the limit and one byte more.
    const buffer = Buffer.alloc(MAX_FILE_BYTES + 1);
    const length = await readInto(buffer, handle);
    if (length === undefined || (length === 0 && stat.isFIFO()))
      throw fileError(shown, "must be a file, not a pipe without a writer", "write the file first");
    if (length > MAX_FILE_BYTES)
      throw fileError(shown, `must be at most ${MAX_FILE_BYTES / 1024}KiB`, "check that this is the right file");
    return { path, shown, bytes: buffer.subarray(0, length) };
  } finally {
    await handle.close();
  }
}

/** Bytes read until the end or the end of the buffer; undefined when a pipe's writer says nothing for too long. */
async function readInto(buffer: Buffer, handle: FileHandle): Promise<number | undefined> {
  let length = 0;
  let waits = 0;
  while (length < buffer.length) {
    try {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
      if (bytesRead === 0) break;
      length += bytesRead;
      waits = 0;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
      if (++waits > PIPE_PATIENCE_MS / PIPE_POLL_MS) return undefined;
      await sleep(PIPE_POLL_MS);
    }
  }
  return length;
}

function fileError(file: string, rule: string, cure: string): ConfigError {
  return new ConfigError([
    {
      severity: "error",
      code: "GST_CONFIG_FILE",
      place: { kind: "file", file: printable(file, 300), line: 0, col: 0, length: 0 },
      key: "",
      rule,
      found: undefined,
      cure,
    },
  ]);
}
