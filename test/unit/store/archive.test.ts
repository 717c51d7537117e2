import { fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { distFile } from "../../../src/shared/process/entry.ts";
import { openSqliteArchive } from "../../../src/store/archive/sqlite/open.ts";
import { ARCHIVE_MIGRATIONS } from "../../../src/store/archive/sqlite/schema.ts";
import { copyArchive } from "../../../src/store/backup.ts";
import { openDatabase } from "../../../src/store/sqlite.ts";
import { entryOf } from "../../contract/archive-store.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-archive-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
const file = (): string => join(dir, "archive.sqlite");

/** Compares the index with the texts, and both tables with each other. Throws what does not agree. */
function requireSound(path: string): number {
  const db = openDatabase({ path, contents: "archive", migrations: ARCHIVE_MIGRATIONS });
  try {
    db.exec("INSERT INTO search (search, rank) VALUES ('integrity-check', 1)");
    const [texts, entries, both] = ["texts", "entries", "entries JOIN texts USING (ord)"].map((table) =>
      Number(db.get(`SELECT count(*) AS n FROM ${table}`)?.["n"]),
    );
    expect([texts, entries]).toEqual([both, both]);
    return both ?? 0;
  } finally {
    db.close();
  }
}

describe("the archive on the disk", () => {
  it("has text and index of the same transcripts after a writer was killed at any moment", async () => {
    const script = join(dir, "writer.mjs");
    writeFileSync(
      script,
      `import { openSqliteArchive } from ${JSON.stringify(distFile("store/archive/sqlite/open.js").href)};
      const store = openSqliteArchive(process.argv[2]);
      for (let n = 0; ; n++) {
        const words = Array.from({ length: 300 }, (_, i) => ({ word: "слово" + ((n * 7 + i) % 100), start: i, end: i + 1 }));
        const text = words.map(({ word }) => word).join(" ");
        store.add({ id: process.pid + "-" + n, createdMs: n, owner: "a", source: "job", transcripts: [{ text, words, durationS: 300 }] });
        if (n % 3 === 2) store.remove(process.pid + "-" + (n - 1));
        if (n % 5 === 4) store.compact();
        process.send(n);
      }`,
    );
    let acknowledged = 0;
    for (const kills of [1, 4, 9]) {
      const writer = fork(script, [file()]);
      let written = 0;
      await new Promise<void>((resolve) => {
        writer.on("message", (n: number) => {
          written = n + 1;
          if (n >= kills) writer.kill("SIGKILL");
        });
        writer.on("exit", () => resolve());
      });
      acknowledged += written - Math.floor(written / 3);
      // The last ones may be written and not told.
      expect(requireSound(file())).toBeGreaterThanOrEqual(acknowledged - 1);
      acknowledged = requireSound(file());
    }
  });

  it("has nothing of a deleted transcript, neither as text nor as a word of the index, once it is compacted", () => {
    const store = openSqliteArchive(file());
    const secret = entryOf("сверхсекретное слово");
    for (let n = 0; n < 20; n++) store.add(entryOf(`обычное слово ${n}`));
    store.add(secret);
    expect(store.search({ text: "сверхсекретное", limit: 1, hits: 1 }).found).toHaveLength(1);
    store.remove(secret.id);
    while (store.compact());
    store.close();
    expect(readFileSync(file()).includes("сверхсекретн")).toBe(false);
    expect(requireSound(file())).toBe(20);
  });

  it("is copied for a backup while it is open, and refused when there is no room", () => {
    const store = openSqliteArchive(file());
    store.add(entryOf("слово в копии"));
    const place = { dir, databaseFile: file() };
    const [copy] = copyArchive(place, 2 ** 28);
    writeFileSync(join(dir, "copy.sqlite"), copy!.bytes);
    store.close();
    const restored = openSqliteArchive(join(dir, "copy.sqlite"));
    expect(restored.search({ text: "слова копия", limit: 1, hits: 1 }).found[0]?.matches).toBe(2);
    restored.close();
    expect(requireSound(join(dir, "copy.sqlite"))).toBe(1);
    expect(() => copyArchive(place, 1000)).toThrow(/--without-archive/);
    expect(copyArchive({ dir, databaseFile: join(dir, "none.sqlite") }, 1)).toEqual([]);
  });
});
