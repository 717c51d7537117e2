import { lstat, readlink, symlink } from "node:fs/promises";
import { join } from "node:path";
import { GigasttError } from "../../shared/errors.ts";

/** Where `gigastt` is found by all users of this machine. */
export const LINK = "/usr/local/bin/gigastt";

/** The command that the link of an installation starts. */
export function linkTarget(installDir: string): string {
  return join(installDir, "bin", "gigastt.js");
}

/** Whether the link leads into this installation; undefined when there is nothing at its place. */
export async function linkState(installDir: string, link: string = LINK): Promise<"ours" | "other" | undefined> {
  const about = await lstat(link).catch(() => undefined);
  if (about === undefined) return undefined;
  return about.isSymbolicLink() && (await readlink(link)) === linkTarget(installDir) ? "ours" : "other";
}

/** Makes the link. Refuses to replace what something else put there. */
export async function makeLink(installDir: string, link: string = LINK): Promise<void> {
  const state = await linkState(installDir, link);
  if (state === "other")
    throw new GigasttError(
      "GST_SERVICE_LINK",
      `${link} exists and does not point to ${installDir}: remove it, or omit --link`,
    );
  if (state === undefined) await symlink(linkTarget(installDir), link);
}
