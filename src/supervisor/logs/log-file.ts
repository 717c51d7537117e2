import { errorCodeOf } from "../../shared/errors.ts";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

/** A log file that rotates by size: `runtime.log`, then `runtime.log.1` … `.n`, oldest last. */
export interface LogFile {
  readonly path: string;
  /** Queues one line (without its newline). Never blocks, never throws; when the disk does not take it, it is counted as lost. */
  write(line: string): void;
  /** Resolves when everything queued so far was written or given up. */
  flush(): Promise<void>;
  close(): Promise<void>;
  /** Why lines are being lost, while they are. */
  trouble(): LogTrouble | undefined;
}

export interface LogTrouble {
  readonly code: string;
  readonly lostLines: number;
}

/** Lines waiting for a slow disk: what exceeds this is dropped and counted, so that a hung disk costs lines, not memory. */
const MAX_PENDING_BYTES = 4 * 1024 * 1024;
const RETRY_AFTER_MS = 1000;

/**
 * @param limits `maxBytes`: size at which the file is rotated; `keep`: rotated files to keep. Read at every rotation
 */
export function createLogFile(
  path: string,
  limits: () => { readonly maxBytes: number; readonly keep: number },
): LogFile {
  let pending: string[] = [];
  let pendingBytes = 0;
  let handle: FileHandle | undefined;
  let size = 0;
  let lost = 0;
  let trouble: string | undefined;
  let retryAtMs = 0;
  let working: Promise<void> | undefined;

  const openFile = async (): Promise<FileHandle> => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const opened = await open(path, "a", 0o600);
    size = (await opened.stat()).size;
    return opened;
  };

  const rotate = async (): Promise<void> => {
    await handle?.close();
    handle = undefined;
    const { keep } = limits();
    await rm(`${path}.${keep}`, { force: true });
    for (let n = keep - 1; n >= 1; n--) await renameIfThere(`${path}.${n}`, `${path}.${n + 1}`);
    if (keep >= 1) await renameIfThere(path, `${path}.1`);
    else await rm(path, { force: true });
  };

  const writeOut = async (lines: readonly string[]): Promise<void> => {
    const text = `${lines.join("\n")}\n`;
    const bytes = Buffer.from(text);
    if (size > 0 && size + bytes.length > limits().maxBytes) await rotate();
    // Deleted or moved behind our back (logrotate, a person): go on in a fresh file of that name.
    if (handle !== undefined && !(await stillThere(path, handle))) {
      await handle.close();
      handle = undefined;
    }
    handle ??= await openFile();
    await handle.appendFile(bytes);
    size += bytes.length;
  };

  const work = async (): Promise<void> => {
    while (pending.length > 0) {
      const lines = pending;
      pending = [];
      pendingBytes = 0;
      if (performance.now() < retryAtMs) {
        lost += lines.length;
        continue;
      }
      try {
        await writeOut(lines);
        trouble = undefined;
      } catch (error) {
        lost += lines.length;
        trouble = errorCodeOf(error) ?? "EIO";
        retryAtMs = performance.now() + RETRY_AFTER_MS;
        await handle?.close().catch(() => {});
        handle = undefined;
      }
    }
  };

  const kick = (): void => {
    working ??= work().finally(() => {
      working = undefined;
      if (pending.length > 0) kick();
    });
  };

  const settled = async (): Promise<void> => {
    if (working === undefined) return;
    await working;
    await settled();
  };

  return {
    path,
    write: (line) => {
      if (pendingBytes > MAX_PENDING_BYTES) {
        lost += 1;
        return;
      }
      pending.push(line);
      pendingBytes += line.length;
      kick();
    },
    flush: settled,
    close: async () => {
      await settled();
      await handle?.close().catch(() => {});
      handle = undefined;
    },
    trouble: () => (trouble === undefined ? undefined : { code: trouble, lostLines: lost }),
  };
}

// ---

async function stillThere(path: string, handle: FileHandle): Promise<boolean> {
  try {
    const [named, opened] = await Promise.all([stat(path), handle.stat()]);
    return named.ino === opened.ino && named.dev === opened.dev;
  } catch (error) {
    return errorCodeOf(error) !== "ENOENT";
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errorCodeOf(error) !== "ENOENT") throw error;
  }
}
