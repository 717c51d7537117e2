import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Decrypter } from "age-encryption";
import { afterEach, beforeEach, expect, it } from "vitest";
import { BACKUP_FORMAT, sealBackup } from "../../../../src/supervisor/state/backup-format.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-backup-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const PASSPHRASE = "correct horse battery";
const header = {
  format: BACKUP_FORMAT,
  product: "gigastt",
  version: "9.9.9",
  at: "2026-11-21T10:00:00Z",
  configPath: null,
  models: [{ id: "gigaam", precision: "int8", hash: "ab" }],
} as const;
/** A low cost of the passphrase: quick to open. */
const WORK = 10;
const found = spawnSync("tar", ["--version"], { encoding: "utf8" }).stdout?.includes("GNU tar") === true;

it.skipIf(!found)(
  `backups are age files around a tar with readable names, however long${found ? "" : " (skipped: GNU tar is not installed)"}`,
  async () => {
    const long = `state/proxy/data/${"Zertifikat-ж/".repeat(20)}cert.pem`;
    const files = [
      { name: "config", bytes: Buffer.from("pool:\n  size: 3\n") },
      { name: long, bytes: Buffer.alloc(1025, 7) },
    ];
    const bytes = await sealBackup({ header, files }, PASSPHRASE, WORK);
    const decrypter = new Decrypter();
    decrypter.addPassphrase(PASSPHRASE);
    writeFileSync(join(dir, "files.tar.gz"), await decrypter.decrypt(bytes));
    const listed = execFileSync("tar", ["tzf", join(dir, "files.tar.gz"), "--quoting-style=literal"], {
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C.UTF-8" },
    });
    expect(listed.trim().split("\n")).toEqual(["gigastt-backup.json", "config", long]);
  },
);
