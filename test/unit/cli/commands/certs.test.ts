import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createServer, listCertificates, renew } from "../../../../src/cli/deploy/cert-store.ts";
import { namesOfHost } from "../../../../src/shared/machine/host-names.ts";
import { runCli, type CliResult } from "../../../support/cli.ts";

let dir: string;
let folder: string;
const certs = async (line: string): Promise<CliResult> => runCli(["certs", ...line.split(" "), "--dir", folder], dir);
const DAY_MS = 86_400_000;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-certs-"));
  folder = join(dir, "tls");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const REFUSED = [
  ["create --name bad_name!", "--name must be a host name or an address, got bad_name!"],
  ["client", "missing argument: NAME"],
  ["client ../../etc/x", 'a client\'s name has 1 to 63 letters, digits and ._@-, got "../../etc/x"'],
];

describe("gigastt certs", () => {
  it("makes a CA and a server certificate; keys are closed", async () => {
    const { code, stdout } = await certs("create --name box.example.com --name 192.0.2.7");
    expect(code).toBe(0);
    expect(stdout).toContain("is valid for box.example.com, 192.0.2.7.");
    for (const name of ["ca.key", "server.key"]) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(folder, "clients-ca.pem"), "utf8")).toBe(readFileSync(join(folder, "ca.pem"), "utf8"));
    expect(readFileSync(join(folder, ".gitignore"), "utf8")).toBe("*\n");
  });

  it("keeps the CA when the server certificate is made again: clients trust it", async () => {
    await certs("create --name a.example.com");
    const ca = readFileSync(join(folder, "ca.pem"), "utf8");
    await certs("create --name b.example.com");
    expect(readFileSync(join(folder, "ca.pem"), "utf8")).toBe(ca);
  });

  it("makes client certificates and lists everything with its expiry", async () => {
    await certs("create --name box.example.com");
    const { stdout } = await certs("client laptop");
    expect(stdout).toContain("openssl pkcs12 -export");
    const { certificates } = JSON.parse((await certs("list --json")).stdout);
    expect(certificates.map(({ file, state }: { file: string; state: string }) => [file, state])).toEqual([
      ["ca.pem", "valid"],
      ["server.pem", "valid"],
      ["clients/laptop.pem", "valid"],
    ]);
  });

  it("renews what a clock that was ahead has made, and refuses where the CA is from then too", async () => {
    const now = new Date();
    const ahead = new Date(now.getTime() + 5 * 365 * DAY_MS);
    await createServer(folder, ["box.example.com"], { now });
    expect(await renew(folder, { now: ahead, force: false })).toBe("renewed");
    expect(await renew(folder, { now, force: false })).toBe("renewed");
    expect(await renew(folder, { now, force: false })).toBe("not due");
    const other = join(dir, "other");
    await createServer(other, ["box.example.com"], { now: ahead });
    await expect(renew(other, { now, force: false })).rejects.toThrow("is not valid before");
  });

  it("renews 30 days before the end, not earlier, keeping the names", async () => {
    const made = new Date();
    await createServer(folder, ["box.example.com", "192.0.2.7"], { now: made });
    const at = async (days: number): Promise<string> =>
      renew(folder, { now: new Date(made.getTime() + days * DAY_MS), force: false });
    expect(await at(360)).toBe("not due");
    expect(await at(368)).toBe("renewed");
    const later = new Date(made.getTime() + 369 * DAY_MS);
    const server = (await listCertificates(folder, later)).find(({ file }) => file === "server.pem")!;
    expect(server.facts?.names).toEqual(["box.example.com", "192.0.2.7"]);
    expect(server.facts?.daysLeft).toBeGreaterThan(390);
  });

  it("says what is missing", async () => {
    expect(await certs("renew")).toEqual({
      code: 1,
      stdout: `${folder} holds no certificate made by gigastt. Create it: gigastt certs create\n`,
      stderr: "",
    });
    expect((await certs("list")).stderr).toBe(
      `${folder} contains no certificates. Create them: gigastt certs create\n`,
    );
  });

  it.each(REFUSED)("refuses %s", async (line, message) => {
    const { code, stderr } = await certs(line);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  it("names this machine by its domain, its name and its addresses, without link-local ones", () => {
    const address = (
      value: string,
    ): { address: string; netmask: string; family: "IPv4"; mac: string; internal: boolean; cidr: string } => ({
      address: value,
      netmask: "",
      family: "IPv4",
      mac: "",
      internal: false,
      cidr: "",
    });
    const names = namesOfHost(
      "stt.example.com",
      { lo: [address("127.0.0.1")], eth0: [address("192.0.2.7"), address("fe80::1")] },
      "box",
    );
    expect(names).toEqual(["stt.example.com", "box", "localhost", "127.0.0.1", "192.0.2.7"]);
  });

  it("takes the folder of the compose project from the configuration", async () => {
    writeFileSync(
      join(dir, "gigastt.config.yaml"),
      "deploy: { target: compose, domain: stt.example.com, proxy: { kind: caddy } }\n",
    );
    const { stdout } = await runCli(["certs", "create", "--name", "a.example.com"], dir);
    expect(stdout).toContain(join(dir, "deploy/compose/tls/server.pem"));
  });
});
