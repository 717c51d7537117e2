import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { config } from "../../../../src/cli/doctor/config.ts";
import { model } from "../../../../src/cli/doctor/model.ts";
import { permissions } from "../../../../src/cli/doctor/permissions.ts";
import { readListeners } from "../../../../src/checks/machine/port.ts";
import { port } from "../../../../src/cli/doctor/port.ts";
import { doctor, runChecks } from "../../../../src/cli/doctor/run.ts";
import { realMachine } from "../../../../src/cli/machine.ts";
import { loadConfig } from "../../../../src/config/load.ts";
import { ConfigError } from "../../../../src/config/problems/problem.ts";
import type { Machine } from "../../../../src/checks/machine.ts";
import { temporaryDir } from "../../models/helpers.ts";
import { commandContext, configWith, contextOf, linesOf, machine } from "./helpers.ts";

describe("port", () => {
  const at = (number: number, host = "127.0.0.1"): ReturnType<typeof contextOf> =>
    contextOf(realMachine, { config: configWith({ server: { host, port: number } }) });

  test("that nobody uses is free", async () => {
    const { number, close } = await occupy(() => undefined);
    await close();
    expect(await linesOf(port, at(number))).toEqual([`ok: 127.0.0.1:${number} is free`]);
  });

  test("used by another program is a failure that names the program", async () => {
    const { number } = await occupy((_req, res) => void res.end("hello"));
    const onLinux = process.platform === "linux";
    expect(await linesOf(port, at(number))).toEqual([
      onLinux
        ? expect.stringMatching(
            new RegExp(
              `^fail: 127\\.0\\.0\\.1:${number} is in use by .+ \\(pid ${process.pid}\\) → Stop it, or set server\\.port to another one\\.$`,
            ),
          )
        : expect.stringContaining("is in use by another program → Stop it"),
    ]);
  });

  test("used by gigastt itself is fine", async () => {
    const { number } = await occupy(
      (_req, res) => void res.end(JSON.stringify({ status: "ok", model: "x", version: "1" })),
    );
    expect(await linesOf(port, at(number))).toEqual([
      expect.stringContaining(`ok: 127.0.0.1:${number} is served by gigastt (`),
    ]);
  });

  test("on an address of another machine is a failure", async () => {
    expect(await linesOf(port, at(9876, "192.0.2.1"))).toEqual([
      "fail: 192.0.2.1 is not an address of this machine (EADDRNOTAVAIL) → Set server.host to 127.0.0.1, or to an address that `ip addr` shows.",
    ]);
  });

  test("whose owner belongs to another user comes with the command that shows it", () => {
    const table =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
      "   0: 0100007F:2694 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n";
    const files = { "/proc/net/tcp": table, "/proc/77/comm": "nginx\n" };
    const folders = { "/proc": ["1", "77", "self"], "/proc/77/fd": ["0", "6"] };
    const readLink = (path: string): string | undefined => (path === "/proc/77/fd/6" ? "socket:[4711]" : undefined);
    const owner = (of: Machine): string | undefined => readListeners(of)?.find(({ port }) => port === 9876)?.process;
    expect(owner(machine(files, { folders, readLink }))).toBe("nginx (pid 77)");
    expect(owner(machine(files, { folders }))).toBeUndefined();
    expect(owner(machine({ "/proc/net/tcp": "garbage\n\0\0 : 0A" }))).toBeUndefined();
  });
});

describe("permissions", () => {
  const folder = { isDirectory: true, mode: 0o700, uid: 1000, mtimeMs: 0 };
  const state = "/home/someone/.local/state/gigastt";
  const models = "/home/someone/.local/share/gigastt/models";
  const withStats = (stats: Record<string, Partial<typeof folder>>, code?: string): ReturnType<typeof contextOf> =>
    contextOf(
      machine(
        {},
        {
          stat: (path) => (stats[path] === undefined ? { code: "ENOENT" } : { ...folder, ...stats[path] }),
          tryWrite: () => Promise.resolve(code),
        },
      ),
    );

  test("of folders that do not exist yet are fine", async () => {
    expect(await linesOf(permissions, withStats({}))).toEqual([
      `ok: state folder ${state}: created at the first start`,
      `ok: models folder ${models}: created by \`gigastt models pull\``,
    ]);
  });

  test("of a state folder open to others, of another owner, read-only, or that is a file", async () => {
    const first = async (stats: Partial<typeof folder>, code?: string): Promise<string | undefined> =>
      (await linesOf(permissions, withStats({ [state]: stats }, code)))[0];
    expect(await first({})).toBe(`ok: state folder ${state}`);
    expect(await first({ mode: 0o755 })).toBe(
      `warn: ${state} has mode 0755: other users can look into the state folder: logs, history, the control socket → chmod go-rwx ${state}`,
    );
    expect(await first({ uid: 0 })).toBe(
      `fail: state folder ${state} belongs to user 0, not 1000 → Run \`chown -R 1000 ${state}\`, or set supervisor.stateDir.`,
    );
    expect(await first({}, "EROFS")).toBe(
      `fail: state folder ${state} cannot be written (EROFS) → Give write access, or set supervisor.stateDir.`,
    );
    expect(await first({ isDirectory: false })).toBe(
      `fail: ${state} must be a folder → Remove the file, or set supervisor.stateDir.`,
    );
  });

  test("of a models' folder that is read-only are fine, that everybody may write are not", async () => {
    const second = async (stats: Partial<typeof folder>, code?: string): Promise<string | undefined> =>
      (await linesOf(permissions, withStats({ [models]: stats }, code)))[1];
    expect(await second({}, "EROFS")).toBe(
      `ok: models folder ${models}, read-only (EROFS): \`models pull\` cannot write there`,
    );
    expect(await second({ mode: 0o777 })).toContain("has mode 0777: every user of the machine can replace the model");
    expect(await second({ isDirectory: false })).toContain("must be a folder");
  });

  test("of a models' folder that is configured but missing are worth a word", async () => {
    const context = { ...withStats({}), config: configWith({ model: { dir: "/srv/models" } }) };
    expect((await linesOf(permissions, context))[1]).toBe(
      "warn: models folder /srv/models does not exist → Run `gigastt models pull`, mount it, or correct model.dir.",
    );
  });

  test("of a configuration file that others may write are worth a word", async () => {
    const dir = temporaryDir();
    const file = join(dir, "gigastt.config.yaml");
    writeFileSync(file, "server:\n  port: 9000\n");
    chmodSync(file, 0o666);
    const loaded = await loadConfig({ file, env: {}, cwd: dir });
    const context = contextOf(realMachine, { loaded, env: { HOME: dir } });
    expect(await linesOf(permissions, context)).toContain(
      `warn: ${file} has mode 0666: other users can change the configuration, and with it what the server runs → chmod go-w ${file}`,
    );
  });
});

describe("config", () => {
  test("without a file, or with a good one, is fine", async () => {
    expect(await linesOf(config, contextOf(machine()))).toEqual(["ok: no configuration file, using the defaults"]);
  });

  test("that cannot be used is a failure with its first problem", async () => {
    const dir = temporaryDir();
    const file = join(dir, "c.yaml");
    writeFileSync(file, "server:\n  port: 99999\npool:\n  size: many\n");
    const error = await loadConfig({ file, env: {}, cwd: dir }).catch((thrown: unknown) => thrown);
    if (!(error instanceof ConfigError)) throw new Error("a ConfigError was expected");
    expect(await linesOf(config, contextOf(machine(), { configError: error }))).toEqual([
      expect.stringMatching(
        /^fail: c\.yaml:2:9 server\.port: .*99999.* \(and 1 more\) → Run `gigastt config check`\. The other checks used the defaults\.$/,
      ),
    ]);
  });
});

describe("model", () => {
  test("that is only the demo is worth a word", async () => {
    const dir = temporaryDir();
    const context = contextOf(realMachine, { config: configWith({ model: { dir } }) });
    expect(await linesOf(model, context)).toEqual([
      'warn: demo-ru-rnnt int8, verified. The bundled demo model is in use because GigaAM v3 e2e RNN-T is not installed; it recognises only household commands, numbers and dates → Run "gigastt models pull" and restart.',
    ]);
  });

  test("that was asked for and is not installed is a failure with the command", async () => {
    const dir = temporaryDir();
    const context = contextOf(realMachine, { config: configWith({ model: { dir, id: "gigaam-v3-e2e-rnnt" } }) });
    expect(await linesOf(model, context)).toEqual([
      `fail: the model gigaam-v3-e2e-rnnt is not installed in ${dir}/gigaam-v3-e2e-rnnt → Run \`gigastt models pull gigaam-v3-e2e-rnnt\`.`,
    ]);
  });

  test("is not needed by the fake engine", async () => {
    expect(await linesOf(model, contextOf(machine(), { config: configWith({ engine: { kind: "fake" } }) }))).toEqual([
      "ok: the fake engine is configured, no model is needed",
    ]);
  });
});

describe("the whole", () => {
  test("a check that breaks hides no other", async () => {
    const broken = { name: "broken", run: () => Promise.reject(new Error("oops")) };
    const results = await runChecks([broken, config], contextOf(machine()));
    expect(results).toEqual([
      {
        name: "broken",
        status: "warn",
        text: "could not be checked (oops)",
        cure: "Please report it with the output of `gigastt doctor --json`.",
      },
      { name: "config", status: "ok", text: "no configuration file, using the defaults" },
    ]);
  });

  test("ends with 0 and one line a finding when nothing fails, also as JSON", async () => {
    const home = temporaryDir();
    const set = ["server.port=0"];
    const plain = commandContext({ env: { HOME: home }, cwd: home, flags: { set } });
    expect(await doctor(plain, realMachine)).toBe(0);
    expect(plain.output()).toMatch(/^ok {4}node {10}Node \d/);
    expect(plain.output()).toMatch(/\n\n\d+ ok, \d+ warnings?, 0 problems\n$/);
    const json = commandContext({ env: { HOME: home }, cwd: home, flags: { set, json: true } });
    expect(await doctor(json, realMachine)).toBe(0);
    const report: { ok: boolean; checks: { name: string }[] } = JSON.parse(json.output());
    expect(report.ok).toBe(true);
    expect(new Set(report.checks.map(({ name }) => name))).toEqual(
      new Set([
        "node",
        "libc",
        "engine",
        "cpu",
        "cores",
        "memory",
        "disk",
        "limits",
        "clock",
        "config",
        "permissions",
        "certificates",
        "secrets",
        "proxy",
        "port",
        "model",
      ]),
    );
  });

  test("ends with 1 when the configuration cannot be used, and still looks at the rest", async () => {
    const home = temporaryDir();
    writeFileSync(join(home, "gigastt.config.yaml"), "server: 5\n");
    const context = commandContext({ env: { HOME: home }, cwd: home });
    expect(await doctor(context, realMachine)).toBe(1);
    expect(context.output()).toMatch(/fail {2}config {8}.*\n {20}→ Run `gigastt config check`/);
    expect(context.output()).toContain("Node ");
  });

  test("leaves no file behind", async () => {
    const home = temporaryDir();
    const stateDir = join(home, ".local", "state", "gigastt");
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    await doctor(commandContext({ env: { HOME: home }, cwd: home, flags: { set: ["server.port=0"] } }), realMachine);
    expect(readdirSync(stateDir)).toEqual([]);
    expect(readdirSync(join(home, ".local"))).toEqual(["state"]);
  });
});

test("the real system reads this machine", async () => {
  expect(await realMachine.freeBytes("/no/such/folder/at/all")).toBeGreaterThan(0);
  expect(await realMachine.tryWrite("/proc")).toMatch(/^E/);
  expect(realMachine.readText("/no/such/file")).toBeUndefined();
  expect(realMachine.list("/no/such/folder")).toEqual([]);
  if (process.platform === "linux") expect(realMachine.readLink(`/proc/${process.pid}/exe`)).toBe(process.execPath);
});

async function occupy(listener: RequestListener): Promise<{ number: number; close(): Promise<void> }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  onTestFinished(close);
  return { number: (server.address() as AddressInfo).port, close }; // listening on TCP
}
