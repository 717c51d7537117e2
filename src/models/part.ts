import { open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { renameDurably } from "../shared/files.ts";
import { DownloadProblem } from "./download-problem.ts";

/** What the server said about the file that a part belongs to. */
export interface PartOrigin {
  /** Without credentials and query. */
  readonly url: string;
  /** SHA-256 that the registry expects: a part of another revision is not resumed. */
  readonly sha256: string;
  /** Strong validator for `If-Range`; undefined when the server gave none. */
  readonly validator: string | undefined;
}

/** An unfinished download: `NAME.part`, and `NAME.part.json` with its origin. */
export interface PartFile {
  readonly path: string;
  /** Bytes present. */
  size(): Promise<number>;
  origin(): Promise<PartOrigin | undefined>;
  /** Starts over: empties the part and notes where the new bytes come from. */
  begin(origin: PartOrigin): Promise<void>;
  /** Appends the chunks, flushes them to the disk and returns the size reached. Chunks beyond `maxBytes` reject with a problem. */
  append(
    chunks: AsyncIterable<Uint8Array>,
    options: { readonly maxBytes: number; readonly onBytes: (size: number) => void },
  ): Promise<number>;
  discard(): Promise<void>;
  /** Renames the part over `target` so that a crash at any moment leaves the old or the new file, never a mixture. */
  publish(target: string): Promise<void>;
}

export function partOf(target: string): PartFile {
  const path = `${target}.part`;
  const originPath = `${path}.json`;
  const size = async (): Promise<number> => {
    try {
      const stats = await stat(path);
      return stats.isFile() ? stats.size : 0;
    } catch {
      return 0;
    }
  };
  const discard = async (): Promise<void> => {
    await rm(originPath, { force: true });
    await rm(path, { force: true, recursive: true });
  };
  return {
    path,
    size,
    discard,
    origin: async () => {
      try {
        return readOrigin(JSON.parse(await readFile(originPath, "utf8")));
      } catch {
        return undefined;
      }
    },
    begin: async (origin) => {
      await discard();
      await writeFile(originPath, `${JSON.stringify(origin)}\n`);
    },
    append: async (chunks, { maxBytes, onBytes }) => {
      const handle = await open(path, "a");
      try {
        let bytes = (await handle.stat()).size;
        for await (const chunk of chunks) {
          if (bytes + chunk.byteLength > maxBytes) {
            throw new DownloadProblem(`more than the expected ${maxBytes} bytes arrived`, { discard: true });
          }
          await handle.appendFile(chunk);
          bytes += chunk.byteLength;
          onBytes(bytes);
        }
        return bytes;
      } finally {
        // Also after a failure: what was received is worth keeping through a power cut.
        await handle.sync().catch(() => undefined);
        await handle.close();
      }
    },
    publish: async (to) => {
      await renameDurably(path, to);
      await rm(originPath, { force: true });
    },
  };
}

function readOrigin(value: unknown): PartOrigin | undefined {
  if (typeof value !== "object" || value === null || !("url" in value) || !("sha256" in value)) return undefined;
  if (typeof value.url !== "string" || typeof value.sha256 !== "string") return undefined;
  const validator = "validator" in value && typeof value.validator === "string" ? value.validator : undefined;
  // It becomes a header: a damaged file must not smuggle line breaks into one.
  const clean = validator !== undefined && /^[\x20-\x7e]{1,300}$/.test(validator) ? validator : undefined;
  return { url: value.url, sha256: value.sha256, validator: clean };
}
