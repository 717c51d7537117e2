import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { breaksConstraint } from "../../../src/store/sqlite-errors.ts";
import { openDatabase } from "../../../src/store/sqlite.ts";
import type { Database, OpenOptions } from "../../../src/store/sqlite.ts";

const NOTES = {
  sql: "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE, bytes BLOB, rate REAL)",
  isCompatible: false,
};
const LABEL = { sql: "ALTER TABLE notes ADD COLUMN label TEXT", isCompatible: true };
const RENAME = { sql: "ALTER TABLE notes RENAME TO remarks", isCompatible: false };

const folders: string[] = [];
const open: Database[] = [];
afterEach(() => {
  for (const db of open.splice(0)) db.close();
  for (const dir of folders.splice(0)) rmSync(dir, { recursive: true, force: true });
});

function place(): string {
  const dir = mkdtempSync(join(tmpdir(), "gigastt-store-"));
  folders.push(dir);
  return join(dir, "store", "notes.sqlite");
}

function start(path: string, more: Partial<OpenOptions> = {}): Database {
  const db = openDatabase({ path, contents: "notes", migrations: [NOTES], ...more });
  open.push(db);
  return db;
}

const insert = (db: Database, text: string): number => db.run("INSERT INTO notes (text) VALUES (?)", text);
const count = (db: Database): unknown => db.get("SELECT count(*) AS n FROM notes")?.["n"];

describe("a file of the store", () => {
  it("keeps text, numbers, bytes and null as they are, for the owner alone", () => {
    const path = place();
    const db = start(path);
    db.run("INSERT INTO notes VALUES (?, ?, ?, ?)", 2 ** 53 - 1, "ёлка 🎄", new Uint8Array([0, 255, 7]), 0.1);
    db.run("INSERT INTO notes VALUES (?, ?, ?, ?)", 1, "", Buffer.from("hi"), null);
    expect(db.all("SELECT * FROM notes ORDER BY id")).toEqual([
      { id: 1, text: "", bytes: new Uint8Array([104, 105]), rate: null },
      { id: 2 ** 53 - 1, text: "ёлка 🎄", bytes: new Uint8Array([0, 255, 7]), rate: 0.1 },
    ]);
    // A single value that is an object is not taken for named parameters.
    for (const bytes of [new Uint8Array([0, 255, 7]), Buffer.from([0, 255, 7])])
      expect(db.get("SELECT text FROM notes WHERE bytes = ?", bytes)).toEqual({ text: "ёлка 🎄" });
    expect(db.get("SELECT text FROM notes WHERE rate IS ? ", null)).toEqual({ text: "" });
    for (const suffix of ["", "-wal", "-shm"]) expect(statSync(path + suffix).mode & 0o777).toBe(0o600);
    expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
    db.close();
    chmodSync(path, 0o644);
    expect(count(start(path))).toBe(2);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("applies a transaction as a whole or not at all, durable by default", () => {
    const db = start(place());
    const level = (): unknown => db.get("PRAGMA synchronous")?.["synchronous"];
    expect(db.transaction(() => insert(db, "a") + insert(db, "b"))).toBe(2);
    expect(level()).toBe(2);
    db.transaction(() => insert(db, "c"), { durable: false });
    expect(level()).toBe(1);
    expect(() =>
      db.transaction(() => {
        insert(db, "d");
        insert(db, "a");
      }),
    ).toThrow(/UNIQUE/);
    expect(level()).toBe(2);
    expect(() =>
      db.transaction(() => {
        insert(db, "e");
        throw new RangeError("stop");
      }),
    ).toThrow(new RangeError("stop"));
    expect(db.all("SELECT text FROM notes ORDER BY id")).toEqual([{ text: "a" }, { text: "b" }, { text: "c" }]);
  });

  it("tells a broken rule of a table from everything else", () => {
    const db = start(place());
    insert(db, "a");
    const failure = (sql: string): unknown => {
      try {
        return db.exec(sql);
      } catch (error) {
        return error;
      }
    };
    expect(breaksConstraint(failure("INSERT INTO notes (text) VALUES ('a')"))).toBe(true);
    expect(breaksConstraint(failure("SELEC"))).toBe(false);
    expect(breaksConstraint(undefined)).toBe(false);
  });

  it("shows a change by another connection through dataVersion", () => {
    const path = place();
    const [mine, theirs] = [start(path), start(path)];
    const before = mine.dataVersion();
    insert(mine, "my own change does not count");
    expect(mine.dataVersion()).toBe(before);
    insert(theirs, "b");
    expect(mine.dataVersion()).not.toBe(before);
    expect(count(mine)).toBe(2);
  });

  it("says that another process holds the file for too long", () => {
    const path = place();
    const [mine, theirs] = [start(path, { busyTimeoutMs: 20 }), start(path)];
    theirs.transaction(() => {
      expect(() => insert(mine, "a")).toThrow(
        expect.objectContaining({
          code: "GST_STORE_BUSY",
          message: `${path} (notes) is locked by another process for too long; try again, or find the process with: fuser ${path}`,
        }),
      );
      expect(count(mine)).toBe(0);
    });
    expect(insert(mine, "a")).toBe(1);
  });

  it("copies itself while another connection writes", () => {
    const path = place();
    const db = start(path);
    insert(db, "a");
    const copy = join(path, "..", "copy.sqlite");
    start(path).transaction(() => db.copyTo(copy));
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    expect(count(start(copy))).toBe(1);
    expect(() => db.copyTo(copy)).toThrow(/EEXIST/);
  });

  it("a full disk changes nothing and leaves the file usable", () => {
    const db = start(place());
    insert(db, "a");
    db.exec(`PRAGMA max_page_count = ${Number(db.get("PRAGMA page_count")?.["page_count"]) + 2}`);
    const fill = (): void =>
      db.transaction(() => {
        for (let i = 0; i < 100; i++) insert(db, `${i}`.padEnd(3000));
      });
    expect(fill).toThrow(
      expect.objectContaining({ code: "GST_STORE_FULL", message: expect.stringContaining("the disk is full") }),
    );
    expect(count(db)).toBe(1);
    db.exec("PRAGMA max_page_count = 1000000");
    fill();
    expect(count(db)).toBe(101);
  });

  it("refuses a damaged file with the cure, and never replaces it", async () => {
    const path = place();
    await inProcess(
      path,
      'for (let i = 0; i < 200; i++) db.run("INSERT INTO notes (text) VALUES (?)", `${i}`.padEnd(500));',
    );
    const whole = readFileSync(path);
    const damages: Readonly<Record<string, Buffer>> = {
      text: Buffer.from("this file holds text now\n".repeat(400)),
      "cut in the middle": whole.subarray(0, 20_000),
      "cut in the header": whole.subarray(0, 50),
      "zeros in the middle": Buffer.from(whole).fill(0, 8192, 16_384),
      "noise behind the header": Buffer.from(whole.map((byte, i) => (i < 100 ? byte : (byte * 7 + i) & 255))),
    };
    for (const [name, bytes] of Object.entries(damages)) {
      for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
      writeFileSync(path, bytes);
      // In a process of its own: libsql keeps closed files open until its statements are collected.
      const said = await inProcess(path, "");
      expect(said, name).toContain("GST_STORE_DAMAGED");
      expect(said, name).toContain("gigastt restore FILE");
      expect(readFileSync(path).equals(bytes), name).toBe(true);
    }
  });

  it("refuses the database of another program", () => {
    const path = place();
    const db = start(path);
    db.exec("PRAGMA application_id = 7");
    db.close();
    expect(() => start(path)).toThrow(expect.objectContaining({ code: "GST_STORE_FOREIGN" }));
  });

  it.skipIf(process.getuid?.() === 0)("says which folder cannot be written", () => {
    const path = place();
    start(path).close();
    chmodSync(join(path, ".."), 0o500);
    try {
      expect(() => start(path)).toThrow(expect.objectContaining({ code: "GST_STORE_DIR" }));
    } finally {
      chmodSync(join(path, ".."), 0o700);
    }
  });

  it("says that its folder is a file, or cannot exist", () => {
    const path = place();
    writeFileSync(join(path, "..", "..", "file"), "");
    for (const dir of [join(path, "..", "..", "file"), "/proc/self/none", "/dev/null"])
      expect(() => start(join(dir, "notes.sqlite"))).toThrow(expect.objectContaining({ code: "GST_STORE_DIR" }));
  });
});

describe("migrations", () => {
  it("run once each, and an older release uses what is compatible", () => {
    const path = place();
    insert(start(path), "a");
    const newer = start(path, { migrations: [NOTES, LABEL] });
    newer.run("UPDATE notes SET label = ?", "x");
    expect(count(start(path))).toBe(1);
    start(path, { migrations: [NOTES, LABEL, RENAME] }).close();
    for (const older of [[NOTES], [NOTES, LABEL]]) {
      expect(() => start(path, { migrations: older })).toThrow(
        expect.objectContaining({ code: "GST_STORE_NEWER", message: expect.stringContaining("schema 3") }),
      );
    }
    expect(start(path, { migrations: [NOTES, LABEL, RENAME] }).get("SELECT label FROM remarks")).toEqual({
      label: "x",
    });
  });

  it("a step that fails leaves the schema as it was", () => {
    const path = place();
    start(path).close();
    const broken = [NOTES, LABEL, { sql: "CREATE TABLE more (id); SELEC", isCompatible: true }];
    expect(() => start(path, { migrations: broken })).toThrow(/SELEC/);
    expect(start(path, { migrations: [NOTES, LABEL] }).all("SELECT * FROM notes")).toEqual([]);
  });

  it("by several processes at once run once, and no write of theirs is lost", async () => {
    const path = place();
    const write =
      'for (let i = 0; i < 50; i++) db.transaction(() => db.run("INSERT INTO notes (text) VALUES (?)", process.pid + "/" + i), { durable: false });';
    const said = await Promise.all([1, 2, 3, 4].map(() => inProcess(path, write, [NOTES, LABEL])));
    expect(said).toEqual(["", "", "", ""]);
    expect(count(start(path, { migrations: [NOTES, LABEL] }))).toBe(200);
  });
});

/** Opens the file in a process of its own, runs the code with `db`, and returns the error that it ended with. */
async function inProcess(path: string, code: string, migrations = [NOTES]): Promise<string> {
  const program = `
    const { openDatabase } = await import(${JSON.stringify(new URL("../../../dist/store/sqlite.js", import.meta.url).href)});
    try {
      const db = openDatabase(${JSON.stringify({ path, contents: "notes", migrations })});
      ${code}
      db.close();
    } catch (error) {
      process.stdout.write(error.code + " " + error.message);
    }`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], {
    timeout: 20_000,
  });
  return stdout;
}
