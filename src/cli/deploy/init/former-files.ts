import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { ResolvedConfig } from "../../../config/types.ts";
import { EXAMPLES, readHeader } from "../../../render/header.ts";
import { renderFiles, targetsOf } from "../../../render/render.ts";
import type { RenderedFile } from "../../../render/render.ts";
import type { RenderSource } from "../../../render/target.ts";
import { readText } from "./read-text.ts";

/**
 * Removes the files that the former configuration rendered and the new one does not: an old Caddyfile beside the new nginx.conf would be
 * found stale by every audit. Files that were edited, or that gigastt did not write, stay. Returns what was removed.
 */
export async function removeFormerFiles(
  out: string,
  former: ResolvedConfig,
  files: readonly RenderedFile[],
  source: RenderSource,
): Promise<readonly string[]> {
  const kept = new Set(files.map(({ path }) => path));
  const removed: string[] = [];
  for (const { path } of renderFiles(former, targetsOf(former), source)) {
    if (kept.has(path)) continue;
    const header = readHeader((await readText(join(out, path))) ?? "");
    if (header.kind !== "intact" || header.toolVersion === EXAMPLES) continue;
    await rm(join(out, path));
    removed.push(path);
  }
  return removed;
}
