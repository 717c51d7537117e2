import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  BACKUP_FORMAT,
  openBackup,
  refuseOtherFiles,
  sealBackup,
} from "../../../../src/supervisor/state/backup-format.ts";
import type { Backup } from "../../../../src/supervisor/state/backup-format.ts";
import { collectFiles, restoreBackup } from "../../../../src/supervisor/state/backup.ts";
import type { BackupPlaces } from "../../../../src/supervisor/state/backup.ts";
import { claimStateDir } from "../../../../src/supervisor/state/claim.ts";
import { oldBackup } from "../../../support/old-backup.ts";
import { openStateDir, statePaths } from "../../../../src/supervisor/state/state-dir.ts";

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

const OLD: readonly (readonly [string, (bytes: Buffer) => Buffer, string])[] = [
  ["cut in the middle", (bytes: Buffer) => bytes.subarray(0, bytes.length - 10), "GST_BACKUP_KEY"],
  ["cut in the header", (bytes: Buffer) => bytes.subarray(0, 30), "GST_BACKUP_DAMAGED"],
  [
    "cut after the header",
    (bytes: Buffer) => bytes.subarray(0, 19 + bytes.readUInt32BE(15) + 20),
    "GST_BACKUP_DAMAGED",
  ],
  ["with one bit turned", (bytes: Buffer) => flipped(bytes, bytes.length - 20), "GST_BACKUP_KEY"],
  [
    "with a changed header",
    (bytes: Buffer) => Buffer.from(bytes.toString("latin1").replace("9.9.9", "9.9.8"), "latin1"),
    "GST_BACKUP_KEY",
  ],
];
const NOT_ONE: readonly (readonly [string, Buffer])[] = [
  ["another kind of file", Buffer.from("PK\u0003\u0004 whatever this is")],
  ["an empty file", Buffer.alloc(0)],
];
/** Quick to open; the cost of the passphrase is age's own and tried once with the default. */
const WORK = 10;

function places(root: string): BackupPlaces {
  return {
    configPath: join(root, "gigastt.config.yaml"),
    secretsDir: join(root, "secrets"),
    storeDir: join(root, "state", "store"),
    archiveDir: join(root, "archive"),
    jobsDir: join(root, "state", "jobs"),
    paths: statePaths(join(root, "state"), {}),
    keptIn: join(root, "state"),
  };
}

function fill(root: string): void {
  mkdirSync(join(root, "secrets"), { recursive: true });
  mkdirSync(join(root, "state", "generations", "1"), { recursive: true });
  writeFileSync(join(root, "gigastt.config.yaml"), "pool:\n  size: 3\n");
  writeFileSync(join(root, "secrets", "keys"), "hunter2", { mode: 0o600 });
  writeFileSync(join(root, "state", "generations", "1", "generation.json"), "{}");
}

async function sealed(): Promise<Buffer> {
  fill(join(dir, "a"));
  return sealBackup({ header, files: await collectFiles(places(join(dir, "a"))) }, PASSPHRASE, WORK);
}

describe("backup and restore", () => {
  it("bring everything back elsewhere, with its modes, and show no secret on the way", async () => {
    const bytes = await sealed();
    expect(bytes.includes("hunter2")).toBe(false);
    const backup = await openBackup(bytes, PASSPHRASE);
    expect(backup.header).toEqual(header);
    await restoreBackup(backup, places(join(dir, "b")));
    expect(readFileSync(join(dir, "b", "gigastt.config.yaml"), "utf8")).toBe("pool:\n  size: 3\n");
    expect(readFileSync(join(dir, "b", "secrets", "keys"), "utf8")).toBe("hunter2");
    expect(statSync(join(dir, "b", "secrets", "keys")).mode & 0o777).toBe(0o600);
  });

  it("keep what was there before", async () => {
    const bytes = await sealed();
    writeFileSync(join(dir, "a", "gigastt.config.yaml"), "pool:\n  size: 9\n");
    const { keptIn } = await restoreBackup(await openBackup(bytes, PASSPHRASE), places(join(dir, "a")));
    expect(readFileSync(join(keptIn ?? "", "0-gigastt.config.yaml"), "utf8")).toBe("pool:\n  size: 9\n");
  });

  it("refuse a wrong passphrase without touching anything", async () => {
    const bytes = await sealed();
    await expect(openBackup(bytes, "correct horse batterx")).rejects.toMatchObject({
      code: "GST_BACKUP_KEY",
    });
  });

  it("of the format before this one still restore, with the same content", async () => {
    const old = await oldSealed();
    const backup = await openBackup(old, PASSPHRASE);
    expect(backup.header).toMatchObject({ format: 1, version: "9.9.9" });
    await restoreBackup(backup, places(join(dir, "b")));
    expect(readFileSync(join(dir, "b", "secrets", "keys"), "utf8")).toBe("hunter2");
  });

  it.each(OLD)("of the old format are refused %s", async (_name, change, code) => {
    await expect(openBackup(change(await oldSealed()), PASSPHRASE)).rejects.toMatchObject({ code });
  });

  it.each(NOT_ONE)("refuse %s before a passphrase is asked for", (_name, bytes) => {
    expect(() => refuseOtherFiles(bytes)).toThrow("it is not a gigastt backup");
  });

  it("refuse a newer format and name the version that made it", async () => {
    const newer: Backup = { header: { ...header, format: BACKUP_FORMAT + 1 }, files: [] };
    await expect(openBackup(await sealBackup(newer, PASSPHRASE, WORK), PASSPHRASE)).rejects.toThrow(
      "this backup has format 3, this gigastt reads up to 2: it was made by version 9.9.9",
    );
  });

  it("are age files that hold names of any length", async () => {
    const long = `state/proxy/data/${"Zertifikat-ж/".repeat(20)}cert.pem`;
    const files = [
      { name: "config", bytes: Buffer.from("pool:\n  size: 3\n") },
      { name: long, bytes: Buffer.alloc(1025, 7) },
    ];
    const bytes = await sealBackup({ header, files }, PASSPHRASE, WORK);
    expect(bytes.subarray(0, 22).toString()).toBe("age-encryption.org/v1\n");
    expect((await openBackup(bytes, PASSPHRASE)).files).toEqual(files);
  });

  it("refuse to restore under a running supervisor", async () => {
    const bytes = await sealed();
    const target = places(join(dir, "a"));
    await openStateDir(target.paths);
    const claim = await claimStateDir(target.paths, { configPath: undefined, version: "1" });
    await expect(restoreBackup(await openBackup(bytes, PASSPHRASE), target)).rejects.toMatchObject({
      code: "GST_RESTORE_RUNNING",
    });
    await claim.release();
  });
});

async function oldSealed(): Promise<Buffer> {
  fill(join(dir, "a"));
  const files = await collectFiles(places(join(dir, "a")));
  return oldBackup(
    { ...header, format: 1 },
    files.map((file) => ({ ...file, mode: 0o777 })),
    PASSPHRASE,
  );
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
