import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareSync } from "bcryptjs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCli, type CliResult } from "../../../support/cli.ts";

let dir: string;
let folder: string;
const secrets = async (line: string, stdin?: string): Promise<CliResult> =>
  runCli(["secrets", ...line.split(" "), "--dir", folder], dir, stdin === undefined ? {} : { stdin });
const file = (name: string): string => readFileSync(join(folder, name), "utf8");

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-secrets-"));
  folder = join(dir, "secrets");
  writeFileSync(
    join(dir, "gigastt.config.yaml"),
    "deploy:\n  domain: stt.example.com\n  proxy: { kind: nginx }\n  auth: { kind: keys }\n",
  );
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const REFUSED: readonly (readonly [string, string | undefined, string])[] = [
  ["create", undefined, "missing argument: user|key NAME"],
  ["create robot r2d2", undefined, "missing argument"],
  ["create user an:na", undefined, 'a name has 1 to 63 letters, digits, dots, dashes and underscores, got "an:na"'],
  ["create key default", undefined, "a name has"],
  ["create user anna --password-stdin", "short", "a password has 12 to 72 bytes, got 5. Leave it out to generate one."],
  ["create user anna --password-stdin", "x".repeat(73), "a password has 12 to 72 bytes, got 73."],
  ["create key k --password-stdin", "x", "--password-stdin is for users; a key is always made"],
  ["rotate user nobody", undefined, "user nobody does not exist. To create it: gigastt secrets create user nobody"],
  ["delete key nothing", undefined, "key nothing does not exist; see: gigastt secrets list"],
];

describe("gigastt secrets", () => {
  it("makes a user: the password is shown once, only its hash is kept, in both proxies' formats", async () => {
    const { code, stdout, stderr } = await secrets("create user anna");
    expect(code).toBe(0);
    const password = stdout.trim();
    expect(password).toMatch(/^[a-z2-9]{24}$/);
    expect(stderr).toContain("It is not shown again.");
    const [name, hash] = file("users.htpasswd").trim().split(":");
    expect(name).toBe("anna");
    expect(compareSync(password, hash!)).toBe(true);
    expect(file("users.caddy")).toBe(`anna ${hash}\n`);
    for (const name of readdirSync(folder)) expect(file(name)).not.toContain(password);
  });

  it("closes every file and keeps the folder out of git", async () => {
    await secrets("create key laptop");
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder).sort()).toEqual([
      ".gitignore",
      "keys.caddy",
      "keys.haproxy",
      "keys.map",
      "secrets.json",
      "users.caddy",
      "users.haproxy",
      "users.htpasswd",
    ]);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777, name).toBe(0o600);
    expect(file(".gitignore")).toBe("*\n");
  });

  it("lists names and ages, never a value, and warns about open files", async () => {
    const key = (await secrets("create key laptop")).stdout.trim();
    await secrets("create user anna");
    chmodSync(join(folder, "keys.map"), 0o644);
    const { stdout, stderr } = await secrets("list");
    expect(stdout).toMatch(
      /^kind {2}name {4}since\nuser {2}anna {4}\d{4}-\d\d-\d\d\nkey {3}laptop {2}\d{4}-\d\d-\d\d\n$/,
    );
    expect(stdout + stderr).not.toContain(key);
    expect(stderr).toBe(
      `${join(folder, "keys.map")} is open to other users. Close it: chmod 600 ${join(folder, "keys.map")}\n`,
    );
    expect((await secrets("list --json")).stdout).not.toContain(key);
  });

  it("rotates a key, at once or with the old one still valid, and says how the change becomes live", async () => {
    const first = (await secrets("create key laptop")).stdout.trim();
    const second = await secrets("rotate key laptop --keep-old");
    expect(second.stderr).toContain("To apply the change:\n  systemctl reload nginx\n");
    expect(file("keys.map")).toBe(`"Bearer ${second.stdout.trim()}" laptop;\n"Bearer ${first}" laptop-old;\n`);
    expect(file("keys.caddy")).toBe(`"Bearer ${second.stdout.trim()}" laptop\n"Bearer ${first}" laptop-old\n`);
    await secrets("delete key laptop-old");
    expect(file("keys.map")).not.toContain(first);
    const third = (await secrets("rotate key laptop")).stdout.trim();
    expect(file("keys.map")).toBe(`"Bearer ${third}" laptop;\n`);
  });

  it("says how a cluster gets a new value: the Secret, and a new start of the gate that reads it", async () => {
    const cluster = (rest: string): void =>
      writeFileSync(
        join(dir, "gigastt.config.yaml"),
        `deploy:\n  target: kubernetes\n  domain: stt.example.com\n  ${rest}\n`,
      );
    const create = (secret: string): string =>
      `  kubectl -n gigastt create secret generic ${secret} --dry-run=client -o yaml | kubectl apply -f -\n`;
    const restart = "  kubectl -n gigastt rollout restart deployment/gigastt\n";
    cluster("auth: { kind: basic }");
    expect((await secrets("create user anna")).stderr).toContain(
      create(`gigastt-access --from-file=users.caddy=${folder}/users.caddy`) + restart,
    );
    // Nobody asks for keys there.
    expect((await secrets("create key laptop")).stderr).not.toContain("kubectl");
    cluster("auth: { kind: keys }");
    expect((await secrets("rotate key laptop")).stderr).toContain(
      create(`gigastt-access --from-file=keys.caddy=${folder}/keys.caddy`) + restart,
    );
    cluster("auth: { kind: basic }\n  kubernetes: { route: ingress }");
    const { stderr } = await secrets("rotate user anna");
    expect(stderr).toContain(create(`gigastt-users --from-file=auth=${folder}/users.htpasswd`));
    expect(stderr).not.toContain("rollout");
  });

  it("takes a chosen password from standard input and does not repeat it", async () => {
    const { code, stdout } = await secrets("create user anna --password-stdin", "my own long password\n");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(compareSync("my own long password", file("users.htpasswd").trim().split(":")[1]!)).toBe(true);
  });

  it.each(REFUSED)("refuses %s with the cure", async (line, stdin, message) => {
    const { code, stderr } = await secrets(line, stdin);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  it("refuses to make what exists, and a store that is not one", async () => {
    await secrets("create user anna");
    expect((await secrets("create user anna")).stderr).toContain(
      "user anna already exists. To change its value: gigastt secrets rotate user anna",
    );
    writeFileSync(join(folder, "secrets.json"), "{}");
    const { code, stderr } = await secrets("list");
    expect(code).toBe(1);
    expect(stderr).toContain("is not a secrets file of this version");
  });
});
