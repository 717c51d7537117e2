import { readFileSync } from "node:fs";
import { installationRoot } from "../shared/entry.ts";

/** The product's version, from package.json. */
export function productVersion(): string {
  const text = readFileSync(new URL("package.json", installationRoot()), "utf8");
  const manifest: unknown = JSON.parse(text);
  return typeof manifest === "object" && manifest !== null && "version" in manifest
    ? String(manifest.version)
    : "unknown";
}
