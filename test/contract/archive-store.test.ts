import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { ARCHIVE_METHODS } from "../../src/store/archive/methods.ts";
import { openSqliteArchive } from "../../src/store/archive/sqlite/open.ts";
import { atOnce } from "../../src/store/thread.ts";
import { archiveStoreContract } from "./archive-store.ts";

let dir: string;
let files = 0;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "gigastt-archive-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

archiveStoreContract("SQLite", async () => atOnce(openSqliteArchive(join(dir, `${files++}.sqlite`)), ARCHIVE_METHODS));
