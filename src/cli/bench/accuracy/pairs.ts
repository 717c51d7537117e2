import { readdir, readFile, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { GigasttError } from "../../../shared/errors.ts";
import { withFolders } from "../../transcribe/inputs.ts";

/** A recording and what is said in it. */
export interface Pair {
  /** Relative to the given folder. */
  readonly file: string;
  readonly folder: string;
  readonly path: string;
  readonly reference: string;
}

export interface Pairs {
  readonly pairs: readonly Pair[];
  /** Recordings without a text. */
  readonly withoutText: readonly string[];
}

/** Finds the recordings of a folder and its folders, each with the text beside it: `call.mp3` and `call.txt`. Throws when there are none. */
export async function findPairs(dir: string): Promise<Pairs> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw new GigasttError("GST_INPUT", `${dir} is not a readable folder (${error.code ?? error.message}).`);
  });
  const folders = entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .sort();
  const pairs: Pair[] = [];
  const withoutText: string[] = [];
  for (const folder of ["", ...folders]) {
    const inside = join(dir, folder);
    for (const path of await withFolders([inside], "/")) {
      // A folder without recordings comes back as itself.
      if (path === inside) continue;
      const file = join(folder, basename(path));
      const reference = await textBeside(path);
      if (reference === undefined) withoutText.push(file);
      else pairs.push({ file, folder, path, reference });
    }
  }
  if (pairs.length > 0) return { pairs, withoutText };
  throw new GigasttError(
    "GST_INPUT",
    `${dir} must hold recordings with a text beside each (call.mp3 and call.txt); ${withoutText.length > 0 ? `it has ${withoutText.length} without a text` : "it has no recordings"}.`,
  );
}

// ---

/** A larger file is not a transcript. */
const LONGEST_TEXT_BYTES = 4_000_000;

async function textBeside(path: string): Promise<string | undefined> {
  const text = `${path.slice(0, path.length - extname(path).length)}.txt`;
  const found = await stat(text).catch(() => undefined);
  if (found === undefined || !found.isFile() || found.size > LONGEST_TEXT_BYTES) return undefined;
  return (await readFile(text, "utf8")).replace(/^\uFEFF/, "");
}
