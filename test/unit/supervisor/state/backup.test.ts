import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BACKUP_FORMAT, openBackup, readHeader, sealBackup } from "../../../../src/supervisor/state/backup-format.ts";
import type { Backup } from "../../../../src/supervisor/state/backup-format.ts";
import { collectFiles, restoreBackup } from "../../../../src/supervisor/state/backup.ts";
import { claimStateDir } from "../../../../src/supervisor/state/claim.ts";
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
  models: [{ id: "gigaam", precision: "int8", hash: "ab", cure: "Run `gigastt models pull gigaam`." }],
} as const;

const DAMAGED: readonly (readonly [string, (bytes: Buffer) => Buffer, string])[] = [
  ["cut in the middle", (bytes: Buffer) => bytes.subarray(0, bytes.length - 10), "GST_BACKUP_KEY"],
  ["cut in the header", (bytes: Buffer) => bytes.subarray(0, 30), "GST_BACKUP_DAMAGED"],
  [
    "cut after the header",
    (bytes: Buffer) => bytes.subarray(0, 19 + bytes.readUInt32BE(15) + 20),
    "GST_BACKUP_DAMAGED",
  ],
  ["one bit turned", (bytes: Buffer) => flipped(bytes, bytes.length - 20), "GST_BACKUP_KEY"],
  [
    "a changed header",
    (bytes: Buffer) => Buffer.from(bytes.toString("latin1").replace("9.9.9", "9.9.8"), "latin1"),
    "GST_BACKUP_KEY",
  ],
  ["another kind of file", () => Buffer.from("PK\u0003\u0004 whatever this is"), "GST_BACKUP_DAMAGED"],
  ["an empty file", () => Buffer.alloc(0), "GST_BACKUP_DAMAGED"],
];

function places(root: string): Parameters<typeof collectFiles>[0] {
  return {
    configPath: join(root, "gigastt.config.yaml"),
    secretsDir: join(root, "secrets"),
    paths: statePaths(join(root, "state"), {}),
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
  return sealBackup({ header, files: await collectFiles(places(join(dir, "a"))) }, PASSPHRASE);
}

describe("backup and restore", () => {
  it("bring everything back elsewhere, with its modes, and show no secret on the way", async () => {
    const bytes = await sealed();
    expect(bytes.includes("hunter2")).toBe(false);
    expect(readHeader(bytes).models).toEqual(header.models);
    await restoreBackup(await openBackup(bytes, PASSPHRASE), places(join(dir, "b")));
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

  it.each(DAMAGED)("refuse %s", async (_name, change, code) => {
    await expect(openBackup(change(await sealed()), PASSPHRASE)).rejects.toMatchObject({ code });
  });

  it("refuse a newer format and name the version that made it", async () => {
    const newer: Backup = { header: { ...header, format: BACKUP_FORMAT + 1 }, files: [] };
    const bytes = await sealBackup(newer, PASSPHRASE);
    expect(() => readHeader(bytes)).toThrow(
      "this backup has format 2, this gigastt reads up to 1: it was made by version 9.9.9",
    );
  });

  it.each(["../../etc/passwd", "state/../../x", "secrets//x", "/etc/passwd", "state\\x"])(
    "refuse the file name %s",
    async (name) => {
      const bytes = await sealBackup({ header, files: [{ name, mode: 0o600, bytes: Buffer.from("x") }] }, PASSPHRASE);
      await expect(openBackup(bytes, PASSPHRASE)).rejects.toMatchObject({ code: "GST_BACKUP_DAMAGED" });
    },
  );

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

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
