// A PATH that is the same on every machine: Node and the basic tools, no proxy, container or service program.
// So the result of `npm test` does not depend on what is installed.
import { accessSync, constants, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const BASIC_TOOLS =
  "sh env cat chmod cp dd echo false grep head id ln ls mkdir mkfifo mv nice printf ps pwd rm rmdir sed sleep stat tail touch tr true wc yes".split(
    " ",
  );

/** Calls `run` with an environment that has the plain PATH and removes its folder afterwards. */
export function withPlainPath(run) {
  const folder = mkdtempSync(join(tmpdir(), "gigastt-path-"));
  try {
    symlinkSync(process.execPath, join(folder, "node"));
    for (const tool of [...BASIC_TOOLS, "npm", "npx"]) {
      const found = (process.env.PATH ?? "").split(delimiter).find((dir) => dir !== "" && isProgram(join(dir, tool)));
      if (found !== undefined) symlinkSync(join(found, tool), join(folder, tool));
    }
    return run({ ...process.env, PATH: folder });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
