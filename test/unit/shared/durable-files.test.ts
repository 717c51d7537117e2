import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";
import { makeFolderDurably, renameDurably, syncFolder, writeFileAtomic } from "../../../src/shared/files.ts";

const SRC = fileURLToPath(new URL("../../../src", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "gigastt-durable-"));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A rename whose loss in a power cut costs nothing: rotated logs, and a copy that is made again. */
const MAY_BE_LOST = ["supervisor/logs/log-file.ts", "models/optimized.ts", "supervisor/state/backup.ts"];

it("no file renames by itself: a name is only durable when its folder is flushed", () => {
  const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name));
  const renaming = files.filter((name) =>
    /import \{[^}]*\brename(?:Sync)?\b[^}]*\} from "node:fs/.test(readFileSync(join(SRC, name), "utf8")),
  );
  expect(renaming.sort()).toEqual(["shared/files.ts", ...MAY_BE_LOST].sort());
});

it("makes folders at any depth, once and again, and renames into them", async () => {
  const deep = join(dir, "a", "b", "c");
  await makeFolderDurably(deep, 0o700);
  await makeFolderDurably(deep, 0o700);
  await writeFileAtomic(join(dir, "old"), "text");
  await renameDurably(join(dir, "old"), join(deep, "new"));
  await writeFileAtomic(join(dir, "x", "y", "file"), "text", { makeFolder: true });
  expect([readFileSync(join(deep, "new"), "utf8"), readdirSync(dir).sort()]).toEqual(["text", ["a", "x"]]);
});

it("a folder that is not there is an error", async () => {
  await expect(syncFolder(join(dir, "missing"))).rejects.toThrow("ENOENT");
});
