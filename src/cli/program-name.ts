import { realpathSync } from "node:fs";
import { delimiter, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { installationRoot } from "../shared/process/entry.ts";

/** What to type for `gigastt`: the word itself when PATH leads to this installation, else the path of its launcher. */
export function programName(cwd: string, path: string | undefined): string {
  const launcher = join(fileURLToPath(installationRoot()), "gigastt");
  const own = [launcher, join(fileURLToPath(installationRoot()), "bin", "gigastt.js")].map(real);
  const folders = path?.split(delimiter).filter((folder) => folder !== "") ?? [];
  const onPath = folders.map((folder) => real(join(folder, "gigastt"))).find((program) => program !== undefined);
  if (onPath !== undefined && own.includes(onPath)) return "gigastt";
  return relative(cwd, launcher) === "gigastt" ? "./gigastt" : launcher;
}

/** Commands in backquotes, and those on a line of their own, as they are typed here. */
export function asTyped(text: string, program: string): string {
  return program === "gigastt"
    ? text
    : text.replace(/(`|^ +(?:sudo )?)gigastt (?=[a-z-])/gm, (_, before: string) => `${before}${program} `);
}

// ---

function real(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
