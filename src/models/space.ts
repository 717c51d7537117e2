import { statfs } from "node:fs/promises";
import { GigasttError } from "../shared/errors.ts";
import { readableBytes } from "../shared/units.ts";

/** Returns the bytes an ordinary user may still write to the file system of `dir`; undefined when the file system does not say (some network shares say 0 of 0). */
export async function freeBytes(dir: string): Promise<number | undefined> {
  try {
    const { bavail, bsize, blocks } = await statfs(dir);
    return blocks === 0 ? undefined : bavail * bsize;
  } catch {
    return undefined;
  }
}

/** @throws GigasttError `GST_MODEL_SPACE` when fewer than `neededBytes` are free. */
export async function requireSpace(dir: string, neededBytes: number): Promise<void> {
  const free = await freeBytes(dir);
  if (free === undefined || free >= neededBytes) return;
  throw new GigasttError(
    "GST_MODEL_SPACE",
    `${dir} must have ${readableBytes(neededBytes)} free for the download, found ${readableBytes(free)}. Free some space, or set model.dir (GIGASTT_MODEL_DIR) to a larger disk.`,
  );
}
