import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCa, createServerCertificate } from "../../../src/shared/tls/pki.ts";

const BIN = fileURLToPath(new URL("../../../bin/gigastt.js", import.meta.url));
const linux = process.platform === "linux";
const run = linux ? it : it.skip;
const needs = linux ? "" : ` (skipped: ${process.platform} has no /proc)`;

let dir = "";
let servers: Server[] = [];
let children: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-host-"));
  chmodSync(dir, 0o755);
});
afterEach(async () => {
  await Promise.all(
    children.map(
      (child) =>
        new Promise((resolve) =>
          child.exitCode === null && child.signalCode === null
            ? (child.once("exit", resolve), child.kill("SIGKILL"))
            : resolve(undefined),
        ),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  children = [];
  servers = [];
  rmSync(dir, { recursive: true, force: true });
});

interface Report {
  readonly status: number | null;
  readonly findings: readonly {
    readonly rule: string;
    readonly message: string;
    readonly file: string;
    readonly severity: string;
  }[];
  readonly checks: readonly { readonly rule: string; readonly result: string; readonly detail: string }[];
}

function audit(config: string, ...args: string[]): Report {
  const file = join(dir, "gigastt.config.yaml");
  writeFileSync(file, config, { mode: 0o600 });
  return auditAsIs(...args);
}

function auditAsIs(...args: string[]): Report {
  const result = spawnSync(process.execPath, [BIN, "audit", "host", "--format", "json", ...args], {
    cwd: dir,
    encoding: "utf8",
    env: { PATH: process.env["PATH"], HOME: dir },
  });
  expect(result.stdout, result.stderr).toMatch(/^\{/);
  return { status: result.status, ...(JSON.parse(result.stdout) as Omit<Report, "status">) }; // our own JSON
}

async function listen(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  servers.push(server);
  await new Promise((resolve) => server.once("listening", resolve));
  return (server.address() as AddressInfo).port; // a TCP server
}

const of = (report: Report, rule: string) => report.checks.find((check) => check.rule === rule);
const found = (report: Report, rule: string) => report.findings.filter((finding) => finding.rule === rule);

describe("gigastt audit host on this machine", () => {
  run(`sees a socket of the server that is open to the network, and one that is not${needs}`, async () => {
    const open = audit(`server: { port: ${await listen("0.0.0.0")} }\n`);
    expect(open.status).toBe(1);
    expect(found(open, "GA-HST-001")).toEqual([
      expect.objectContaining({
        severity: "error",
        file: "/proc/net/tcp",
        message: expect.stringContaining("though server.host is 127.0.0.1"),
      }),
    ]);
    const closed = audit(`server: { port: ${await listen("127.0.0.1")} }\n`);
    expect(of(closed, "GA-HST-001")).toMatchObject({
      result: "ok",
      detail: expect.stringContaining(`(pid ${process.pid})`),
    });
  });

  run(`sees modes of the configuration, the state folder and the models${needs}`, () => {
    const config = "supervisor: { stateDir: ./state }\nmodel: { dir: ./models }\n";
    for (const name of ["state", "models"]) mkdirSync(join(dir, name), { mode: 0o700 });
    writeFileSync(join(dir, "models", "model.onnx"), "x", { mode: 0o600 });
    expect(of(audit(config), "GA-HST-005")).toMatchObject({ result: "ok" });
    chmodSync(join(dir, "gigastt.config.yaml"), 0o666);
    chmodSync(join(dir, "state"), 0o755);
    chmodSync(join(dir, "models"), 0o755);
    chmodSync(join(dir, "models", "model.onnx"), 0o666);
    const report = auditAsIs();
    expect(
      found(report, "GA-HST-005")
        .map(({ file }) => file)
        .toSorted(),
    ).toEqual(["gigastt.config.yaml", "models/model.onnx", "state"].map((name) => join(dir, name)));
  });

  run(`sees a certificate near its end, and a private key for everybody${needs}`, async () => {
    const ca = await createCa("a CA", new Date(Date.now() - 400 * 86_400_000));
    const pair = await createServerCertificate(ca, ["stt.example.com"], new Date(Date.now() - 394 * 86_400_000));
    writeFileSync(join(dir, "server.pem"), pair.certificate);
    writeFileSync(join(dir, "server.key"), pair.privateKey, { mode: 0o644 });
    const tls = `{ mode: files, certificateFile: ${dir}/server.pem, privateKeyFile: ${dir}/server.key }`;
    const report = audit(
      `deploy: { domain: stt.example.com, secretsDir: ${dir}/secrets, proxy: { kind: nginx }, tls: ${tls} }\n`,
    );
    expect(found(report, "GA-HST-008")).toEqual([
      expect.objectContaining({ severity: "error", file: join(dir, "server.pem") }),
    ]);
    expect(found(report, "GA-HST-005")).toEqual([
      expect.objectContaining({ severity: "error", file: join(dir, "server.key") }),
    ]);
  });

  const pattern = linux ? readFileSync("/proc/sys/kernel/core_pattern", "utf8").trim() : "";
  const plain = pattern !== "" && !pattern.startsWith("|");
  (linux && plain ? it : it.skip)(
    `sees a running server whose crash would be written to the disk${plain ? "" : ` (skipped: core_pattern is "${pattern}")`}`,
    { timeout: 60_000 },
    async () => {
      const child = spawn(
        "/bin/sh",
        ["-c", `ulimit -c unlimited && exec "${process.execPath}" "${BIN}" serve --set engine.kind=fake --port 0`],
        { cwd: dir, env: { PATH: process.env["PATH"], HOME: dir }, stdio: ["ignore", "pipe", "pipe"] },
      );
      children.push(child);
      await new Promise<void>((resolve, reject) => {
        child.stdout.on("data", (chunk: Buffer) => /listening/.test(chunk.toString()) && resolve());
        child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
      });
      expect(found(audit("{}\n"), "GA-HST-007").map(({ file }) => file)).toContain(`/proc/${child.pid}/limits`);
    },
  );

  run(`lists every check, says what it could not look at, and is silenced by audit.ignore${needs}`, async () => {
    const port = await listen("0.0.0.0");
    const report = audit(`server: { port: ${port} }\naudit: { ignore: ["GA-HST-001: a test"] }\n`);
    expect(report.checks.map(({ rule }) => rule)).toEqual(
      Array.from({ length: 12 }, (_, i) => `GA-HST-0${String(i + 1).padStart(2, "0")}`),
    );
    for (const { result, detail } of report.checks) if (result === "not-checked") expect(detail).not.toBe("");
    expect(found(report, "GA-HST-001")).toEqual([]);
    const loud = audit(`server: { port: ${port} }\naudit: { ignore: ["GA-HST-001: a test"] }\n`, "--no-ignores");
    expect(found(loud, "GA-HST-001")).toHaveLength(1);
  });

  it("refuses a configuration that cannot be used, and a path that is not there", () => {
    writeFileSync(join(dir, "gigastt.config.yaml"), "server: { port: 70000 }\n");
    const broken = spawnSync(process.execPath, [BIN, "audit", "host"], {
      cwd: dir,
      encoding: "utf8",
      env: { HOME: dir },
    });
    expect(broken.status).toBe(2);
    expect(broken.stderr).toContain("server.port");
    writeFileSync(join(dir, "gigastt.config.yaml"), "{}\n");
    const nowhere = spawnSync(process.execPath, [BIN, "audit", "host", "nowhere"], {
      cwd: dir,
      encoding: "utf8",
      env: { HOME: dir },
    });
    expect(nowhere.status).toBe(2);
    expect(nowhere.stderr).toContain('path not found: "nowhere"');
  });
});
