import { readFileSync } from "node:fs";
import { installationRoot } from "./process/entry.ts";

/** Returns the version of this installation, from package.json. */
export function readVersion(): string {
  const text = readFileSync(new URL("package.json", installationRoot()), "utf8");
  return /"version":\s*"([^"]+)"/.exec(text)?.[1] ?? "0.0.0";
}
