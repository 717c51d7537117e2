import { chmod, lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCodeOf } from "../shared/errors.ts";
import { writeFileAtomic } from "../shared/files.ts";
import { RenderError } from "./errors.ts";
import { readHeader } from "./header.ts";
import type { RenderedFile } from "./render.ts";

/** One rendered file against what is on disk. */
export interface FileState {
  readonly file: RenderedFile;
  /** `new` missing, `same` byte for byte, `stale` rendered but different, `edited` changed by hand, `foreign` not rendered. */
  readonly state: "new" | "same" | "stale" | "edited" | "foreign";
  /** undefined when there is no file. */
  readonly current: string | undefined;
}

/** Compares without writing. */
export async function compareFiles(outDir: string, files: readonly RenderedFile[]): Promise<readonly FileState[]> {
  return Promise.all(files.map(async (file) => stateOf(file, await readText(join(outDir, file.path)))));
}

/**
 * Writes what differs, each file atomically (temporary file, fsync, rename). Nothing is written when one of them was edited by hand or
 * belongs to another program, unless forced.
 *
 * @returns the states before writing
 */
export async function writeFiles(
  outDir: string,
  files: readonly RenderedFile[],
  options: { readonly force: boolean },
): Promise<readonly FileState[]> {
  const states = await compareFiles(outDir, files);
  const blocked = states.filter(({ state }) => state === "edited" || state === "foreign");
  if (blocked.length > 0 && !options.force) {
    const list = blocked.map(
      ({ file, state }) =>
        `${join(outDir, file.path)} (${state === "edited" ? "edited by hand" : "not made by gigastt"})`,
    );
    throw new RenderError(
      `${list.join(", ")}: would be overwritten. Look at it with \`gigastt render --diff\`; move your change into gigastt.config.yaml, or overwrite with --force.`,
      { exitCode: 1 },
    );
  }
  for (const { file, state } of states) {
    const path = join(outDir, file.path);
    if (state === "same") await chmod(path, file.mode);
    else await writeFileAtomic(path, file.text, { mode: file.mode, makeFolder: true });
  }
  return states;
}

// ---

function stateOf(file: RenderedFile, current: string | undefined): FileState {
  if (current === undefined) return { file, state: "new", current };
  if (current === file.text) return { file, state: "same", current };
  const header = readHeader(current);
  const state = header.kind === "foreign" ? "foreign" : header.kind === "edited" ? "edited" : "stale";
  return { file, state, current };
}

async function readText(path: string): Promise<string | undefined> {
  try {
    // A link could lead the renderer to overwrite something else.
    if ((await lstat(path)).isSymbolicLink()) {
      throw new RenderError(`${path} is a symbolic link. Remove it, or choose another folder with --out.`, {
        exitCode: 1,
      });
    }
    return await readFile(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errorCodeOf(error) ?? "")) return undefined;
    throw error;
  }
}
