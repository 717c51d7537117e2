import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findUser } from "../../../../src/render/deployed/reader.ts";
import { BACKUP_FORMAT, sealBackup } from "../../../../src/supervisor/state/backup-format.ts";
import { hashOf, openKeyStore } from "../../../../src/store/keys.ts";
import { runCli, type CliResult } from "../../../support/cli.ts";

let dir: string;
let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "gigastt-backup-cli-"));
  dir = join(home, "site");
  mkdirSync(dir);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const PASSPHRASE = "correct horse battery";
const cli = (...argv: string[]): Promise<CliResult> =>
  runCli(argv, dir, { env: { GIGASTT_PASSPHRASE: PASSPHRASE, HOME: home } });

const root = process.getuid?.() === 0 && (await findUser("www-data")) !== undefined;

describe("gigastt backup and restore", () => {
  it("take the secrets from where the configured deployment keeps them, and put them back there", async () => {
    await cli(
      "init",
      "--yes",
      "--target",
      "compose",
      "--domain",
      "stt.example.com",
      "--auth",
      "basic",
      "--name",
      "anna",
    );
    const users = join(dir, "deploy/compose/secrets/users.caddy");
    const before = readFileSync(users, "utf8");
    const made = await cli("backup", "site.backup");
    expect(made.stdout).toMatch(/site\.backup: \d+ files, \d+ bytes, checked\. Not included: no models\n$/);
    rmSync(join(dir, "deploy"), { recursive: true });
    const { code, stdout } = await cli("restore", "--yes", "site.backup");
    expect(code).toBe(0);
    expect(stdout).toContain(`restored ${users}\n`);
    expect(readFileSync(users, "utf8")).toBe(before);
  });

  it("say which file cannot be written, or read", async () => {
    const nowhere = join(home, "nowhere", "site.backup");
    expect(await cli("backup", nowhere)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /nowhere\/site\.backup cannot be written \(ENOENT.*\): choose a folder that exists and has free space\n$/,
      ) as unknown,
    });
    expect((await cli("restore", nowhere)).stderr).toMatch(/^the backup \/.*nowhere\/site\.backup does not exist\n$/);
  });

  (root ? it : it.skip)(
    `give secrets back to the proxy that reads them${root ? "" : " (skipped: only root gives files away, and www-data must exist)"}`,
    async () => {
      const secrets = join(home, "secrets");
      mkdirSync(secrets);
      writeFileSync(join(secrets, "users.htpasswd"), "anna:x", { mode: 0o600 });
      writeFileSync(
        join(dir, "gigastt.config.yaml"),
        `deploy:\n  domain: stt.example.com\n  secretsDir: ${secrets}\n  proxy: { kind: nginx }\n`,
      );
      expect((await cli("backup", "site.backup")).code).toBe(0);
      rmSync(secrets, { recursive: true });
      expect((await cli("restore", "--yes", "site.backup")).code).toBe(0);
      const { uid } = (await findUser("www-data"))!;
      expect([secrets, join(secrets, "users.htpasswd")].map((path) => statSync(path).uid)).toEqual([uid, uid]);
    },
  );

  it("put secrets where the restored configuration reads them, not where the present one does", async () => {
    const secrets = join(home, "elsewhere");
    mkdirSync(secrets);
    writeFileSync(join(secrets, "keys"), "hunter2", { mode: 0o600 });
    writeFileSync(join(dir, "gigastt.config.yaml"), `deploy:\n  secretsDir: ${secrets}\n`);
    await cli("backup", "site.backup");
    rmSync(secrets, { recursive: true });
    writeFileSync(join(dir, "gigastt.config.yaml"), `deploy:\n  secretsDir: ${join(home, "another")}\n`);
    await cli("restore", "--yes", "site.backup");
    expect(readFileSync(join(secrets, "keys"), "utf8")).toBe("hunter2");
    expect(existsSync(join(home, "another"))).toBe(false);
  });

  it("name each model with its weights and the command that brings it back", async () => {
    const bytes = await sealBackup(
      {
        header: {
          format: BACKUP_FORMAT,
          product: "gigastt",
          version: "1.0.0",
          at: "2026-11-21T10:00:00Z",
          configPath: null,
          models: [{ id: "gigaam-v3-e2e-rnnt", precision: "fp32", hash: "ab" }],
        },
        files: [],
      },
      PASSPHRASE,
    );
    writeFileSync(join(dir, "site.backup"), bytes);
    expect((await cli("restore", "--yes", "site.backup")).stdout).toBe(
      "model gigaam-v3-e2e-rnnt (fp32) was not in the backup. Run `gigastt models pull gigaam-v3-e2e-rnnt --precision fp32`.\n",
    );
  });

  it("take the API keys along while a server uses them, and put back what they were", async () => {
    const store = join(home, "store");
    const file = join(store, "keys.sqlite");
    writeFileSync(join(dir, "gigastt.config.yaml"), `auth:\n  keys: required\nstore:\n  dir: ${store}\n`);
    const rights = { scopes: ["transcribe"], audioMinutesPerDay: 5 } as const;
    const running = openKeyStore(file);
    const value = running.create("laptop", rights, 1).reveal();
    const { id } = running.list()[0]!;
    running.addUse("2027-01-01", new Map([[id, 60_000]]));
    expect((await cli("backup", "site.backup")).code).toBe(0);
    expect(readdirSync(store).filter((name) => name.startsWith("."))).toEqual([]);
    // Written later, and still in the write-ahead log: none of it may come back.
    running.revoke("laptop");
    running.create("later", rights, 2);
    const log = readFileSync(`${file}-wal`);
    running.close();
    writeFileSync(`${file}-wal`, log);
    const { code, stdout } = await cli("restore", "--yes", "site.backup");
    expect(code).toBe(0);
    expect(stdout).toContain(`restored ${file}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(store).mode & 0o777).toBe(0o700);
    const restored = openKeyStore(file);
    expect(restored.list()).toMatchObject([{ id, name: "laptop", ...rights, hash: new Uint8Array(hashOf(value)) }]);
    expect(restored.usedOn("2027-01-01").get(id)).toBe(60_000);
    restored.close();
    const [, kept = ""] = /before: (.*)\n/.exec(stdout) ?? [];
    expect(readdirSync(kept).some((name) => name.endsWith("keys.sqlite"))).toBe(true);
    expect((await cli("restore", "site.backup")).stderr).toContain(`API keys → ${store}\n`);
  });

  it("say that the keys of a compose project are in its volume", async () => {
    writeFileSync(
      join(dir, "gigastt.config.yaml"),
      "auth:\n  keys: required\ndeploy:\n  target: compose\n  domain: stt.example.com\n  auth:\n    kind: server\n",
    );
    expect((await cli("backup", "site.backup")).stderr).toBe(
      "Not in this file: API keys, which are in volumes of the compose project. Save them too, in the project's folder: docker compose exec -T -e GIGASTT_PASSPHRASE gigastt node /app/bin/gigastt.js backup - > data.age\n",
    );
    // There is nothing in it for the volumes, and the configuration is not touched.
    const { code, stderr } = await cli("restore", "--yes", "--data-only", "site.backup");
    expect([code, stderr]).toEqual([1, "the backup holds no API keys, no jobs and no archive\n"]);
  });

  it("refuse a configuration this version cannot read, and touch nothing", async () => {
    const bytes = await sealBackup(
      {
        header: {
          format: BACKUP_FORMAT,
          product: "gigastt",
          version: "0.9.0",
          at: "2026-11-21T10:00:00Z",
          configPath: join(dir, "gigastt.config.yaml"),
          models: [],
        },
        files: [{ name: "config", bytes: Buffer.from("sever:\n  port: 1\n") }],
      },
      PASSPHRASE,
    );
    writeFileSync(join(dir, "site.backup"), bytes);
    const { code, stderr } = await cli("restore", "--yes", "site.backup");
    expect(code).toBe(1);
    expect(stderr).toContain("Restore with the version that made it: 0.9.0");
    expect(existsSync(join(dir, "gigastt.config.yaml"))).toBe(false);
  });

  it("restore to places the operator confirms: the backup alone decides none of them", async () => {
    const victim = join(home, "victim", ".bashrc");
    const bytes = await sealBackup(
      {
        header: {
          format: BACKUP_FORMAT,
          product: "gigastt",
          version: "0.1.0",
          at: "2026-11-21T10:00:00Z",
          configPath: victim,
          models: [],
        },
        files: [{ name: "config", bytes: Buffer.from("pool:\n  size: 2\n") }],
      },
      PASSPHRASE,
      10,
    );
    writeFileSync(join(dir, "site.backup"), bytes);
    const { code, stderr } = await cli("restore", "site.backup");
    expect(code).toBe(1);
    expect(stderr).toContain(`configuration → ${victim}\n`);
    expect(stderr).toContain("Nothing was restored: add --yes");
    expect(existsSync(join(home, "victim"))).toBe(false);
    const named = join(dir, "mine.yaml");
    expect((await cli("restore", "--yes", "-c", named, "site.backup")).code).toBe(0);
    expect(readFileSync(named, "utf8")).toBe("pool:\n  size: 2\n");
    expect(statSync(named).mode & 0o777).toBe(0o644);
    expect(existsSync(join(home, "victim"))).toBe(false);
  });
});
