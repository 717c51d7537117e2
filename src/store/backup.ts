import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { openKeyStore } from "./keys.ts";
import { keysFile } from "./place.ts";

/** Returns consistent copies of the files of the store that a backup holds, also while the server writes. Recordings of jobs are not among them. */
export function copyStore(dir: string): readonly { readonly name: string; readonly bytes: Buffer }[] {
  const file = keysFile(dir);
  if (!existsSync(file)) return [];
  const keys = openKeyStore(file);
  let folder: string | undefined;
  try {
    // Inside the store: its folder is closed to other users, and the copy may need as much room as the file.
    folder = mkdtempSync(join(dir, ".backup-"));
    const copy = join(folder, basename(file));
    keys.copyTo(copy);
    return [{ name: basename(file), bytes: readFileSync(copy) }];
  } finally {
    keys.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}
