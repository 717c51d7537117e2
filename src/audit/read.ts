import { open, readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import type { UnreadFile } from "./model/facts.ts";
import type { Source } from "./source.ts";
import { createSource } from "./source.ts";

const MAX_FILE_BYTES = 2 * 2 ** 20;
/** Enough to tell what a file is that is not read to its end. */
const HEAD_BYTES = 64 * 1024;

const SPLIT =
  "Keep what is generated (lists of addresses, keys) in a file of its own, apart from what is written by hand.";

/** Never configuration: not worth reading. */
const SKIPPED_NAMES =
  /\.(?:png|jpe?g|gif|webp|ico|svg|woff2?|ttf|pdf|zip|gz|tgz|xz|bz2|tar|onnx|wav|mp3|flac|ogg|m4a|webm|so|node|wasm|map|lock|ts|tsx|jsx|py|go|rs|java|c|h|cpp|css|html?|csv)$|^package-lock\.json$/i;

/** A text, or why there is none. Neither: nothing to speak of, like a picture, a program, a device, a broken link. */
export interface ReadResult {
  readonly source?: Source;
  readonly problem?: UnreadFile;
}

/** Reads a text file of at most 2 MiB. Never rejects. `shown` is its path in reports. */
export async function readSource(path: string, shown: string): Promise<ReadResult> {
  if (SKIPPED_NAMES.test(basename(path))) return {};
  const unread = (head: string, reason: string, cure: string): ReadResult => ({
    problem: { source: createSource(shown, head, { absolute: path }), reason, cure },
  });
  try {
    const info = await stat(path);
    if (!info.isFile()) return {};
    if (info.size > MAX_FILE_BYTES) {
      const head = await readHead(path);
      return isBinary(head) ? {} : unread(head.toString("utf8"), "it is larger than 2 MiB", SPLIT);
    }
    const bytes = await readFile(path);
    if (isUtf16(bytes))
      return unread(
        bytes.toString("utf16le"),
        "it is UTF-16, and the programs it is for read UTF-8",
        "Write it as UTF-8.",
      );
    if (isBinary(bytes)) return {};
    return {
      source: createSource(shown, bytes.toString("utf8"), { absolute: path, mode: info.mode & 0o7777, uid: info.uid }),
    };
  } catch (error) {
    return isDenied(error) ? unread("", CLOSED.reason, CLOSED.cure) : {};
  }
}

/** What is said of a file or folder without read permission. */
export const CLOSED = { reason: "this user may not read it", cure: "Run the audit as a user who may." } as const;

export function isDenied(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EACCES" || error.code === "EPERM");
}

// ---

async function readHead(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function isBinary(bytes: Buffer): boolean {
  return bytes.subarray(0, 8000).includes(0);
}

/** Little-endian with its mark, as Windows' own redirection writes it. */
function isUtf16(bytes: Buffer): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xfe;
}
