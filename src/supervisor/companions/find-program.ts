import { access, constants } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { GigasttError } from "../../shared/errors.ts";

/** System folders that a user's PATH often lacks; nginx lives in one. */
const SYSTEM_DIRS = ["/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin", "/sbin", "/opt/homebrew/bin"];

/**
 * The path of a program we run as a child.
 *
 * @param names in order of preference
 * @throws GST_PROGRAM with the cure when there is none
 */
export async function findProgram(
  asked: { readonly binary: string | undefined; readonly names: readonly string[]; readonly key: string },
  env: NodeJS.ProcessEnv,
): Promise<string> {
  if (asked.binary !== undefined) {
    if (await isExecutable(asked.binary)) return asked.binary;
    throw new GigasttError(
      "GST_PROGRAM",
      `${asked.key} must be a program that this user can run, got ${asked.binary}. Correct it, or remove it to search PATH`,
    );
  }
  const path = (env["PATH"] ?? "").split(delimiter).filter((dir) => isAbsolute(dir));
  for (const name of asked.names) {
    for (const dir of [...path, ...SYSTEM_DIRS]) if (await isExecutable(join(dir, name))) return join(dir, name);
  }
  throw new GigasttError(
    "GST_PROGRAM",
    `${asked.names.join(" or ")} is not installed: install it with the package manager of this system, or set ${asked.key}`,
  );
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
