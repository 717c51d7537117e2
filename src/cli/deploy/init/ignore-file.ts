import { stat } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../../shared/files.ts";
import { readText } from "./read-text.ts";

/** Lines git needs, added once. Only where there is a repository or an ignore file. */
export async function ignoreSecrets(folder: string): Promise<void> {
  const path = join(folder, ".gitignore");
  const before = await readText(path);
  const inGit = (await stat(join(folder, ".git")).catch(() => undefined)) !== undefined;
  if (before === undefined && !inGit) return;
  const lines = ["deploy/compose/secrets/", "deploy/compose/tls/"].filter(
    (line) => !(before ?? "").split("\n").includes(line),
  );
  if (lines.length === 0) return;
  const gap = before === undefined || before === "" || before.endsWith("\n") ? "" : "\n";
  await writeFileAtomic(path, `${before ?? ""}${gap}${lines.join("\n")}\n`, { mode: 0o644, makeFolder: true });
}
