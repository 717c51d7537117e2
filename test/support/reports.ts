import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { depth } from "./fuzz.ts";

/** Prints a report, and at full depth, so by `.ci/long`, writes it to `test/reports`, where it is committed. */
export function writeReport(name: string, lines: readonly string[], isUnfinished = false): void {
  const text = `${lines.join("\n")}\n`;
  if (!isUnfinished) process.stdout.write(text);
  if (depth !== "full") return;
  const folder = fileURLToPath(new URL("../reports/", import.meta.url));
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}${name}.md`, text);
}
