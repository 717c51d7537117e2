import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { renderFiles } from "../../../src/render/render.ts";
import { configWith, type Overrides } from "./base-config.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url)).replace(/\/$/, "");
const VARIANTS: readonly (readonly [string, Overrides])[] = [
  ["alone", {}],
  ["behind Caddy", { deploy: { domain: "stt.example.com", proxy: { kind: "caddy" } } }],
  ["behind nginx with certbot", { deploy: { domain: "stt.example.com", proxy: { kind: "nginx" } } }],
  [
    "behind nginx with our own certificates",
    { deploy: { domain: "stt.example.com", proxy: { kind: "nginx" }, tls: { mode: "internal" } } },
  ],
  ["with socket activation and notify", { deploy: { systemd: { socketActivation: true, notify: true } } }],
  [
    "with Caddy as a child on high ports",
    {
      deploy: { domain: "stt.example.com", proxy: { kind: "caddy" }, httpPort: 8080, httpsPort: 8443 },
      supervisor: { proxy: { managed: true, binary: undefined } },
    },
  ],
  ["listening on every address", { server: { host: "0.0.0.0", allowBindAny: true } }],
];
const missing =
  spawnSync("systemd-analyze", ["--version"]).status === 0 ? "" : " (skipped: systemd-analyze is not installed)";
const scratch = mkdtempSync(join(tmpdir(), "gigastt-units-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Writes the units of a configuration whose programs and user exist on this machine. */
function unitsOf(overrides: Overrides, name: string): { dir: string; units: readonly string[] } {
  const config = configWith({
    ...overrides,
    deploy: {
      ...overrides.deploy,
      systemd: {
        ...overrides.deploy?.systemd,
        user: "daemon",
        installDir: overrides.deploy?.systemd?.installDir ?? root,
        nodePath: process.execPath,
      },
    },
  });
  const dir = join(scratch, name.replaceAll(" ", "-"));
  const files = renderFiles(config, ["systemd"], { toolVersion: "0.0.0", configHash: "0".repeat(64) });
  for (const file of files) {
    const path = join(dir, file.path.slice("systemd/".length));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, file.text);
  }
  // certbot is a program of the real machine, not of this test
  for (const { path } of files)
    if (path.endsWith("certbot.service"))
      writeFileSync(
        join(dir, "gigastt-certbot.service"),
        readFileSync(join(dir, "gigastt-certbot.service"), "utf8").replace("/usr/bin/certbot", process.execPath),
      );
  return { dir, units: files.map(({ path }) => path.slice("systemd/".length)).filter((path) => !path.includes("/")) };
}

describe(`systemd units${missing}`, () => {
  it.skipIf(missing !== "").each(VARIANTS)("pass systemd-analyze verify without a word: %s", (name, overrides) => {
    const { dir, units } = unitsOf(overrides, name);
    const result = spawnSync("systemd-analyze", ["verify", "--man=no", ...units.map((unit) => join(dir, unit))], {
      encoding: "utf8",
    });
    expect(`${result.stdout}${result.stderr}`).toBe("");
    expect(result.status).toBe(0);
  });

  it.skipIf(missing !== "")("pass it from a folder with spaces, percent signs and quotes", () => {
    const installDir = join(scratch, `my "own" 100% place`);
    symlinkSync(root, installDir);
    const { dir, units } = unitsOf({ deploy: { systemd: { installDir } } }, "odd folder");
    const result = spawnSync("systemd-analyze", ["verify", "--man=no", ...units.map((unit) => join(dir, unit))], {
      encoding: "utf8",
    });
    expect([result.status, `${result.stdout}${result.stderr}`]).toEqual([0, ""]);
  });

  it.skipIf(missing !== "").each(VARIANTS)("are exposed by 1.3 at most: %s", (name, overrides) => {
    const { dir } = unitsOf(overrides, name);
    const result = spawnSync(
      "systemd-analyze",
      ["security", "--offline=true", "--threshold=13", join(dir, "gigastt.service")],
      { encoding: "utf8" },
    );
    const exposure = /Overall exposure level for gigastt\.service: ([\d.]+)/.exec(result.stdout)?.[1];
    console.log(`exposure ${name}: ${exposure}`);
    expect(Number(exposure)).toBeLessThanOrEqual(1.3);
    expect(result.status).toBe(0);
  });

  it.skipIf(missing !== "")(
    "give a proxy that runs as a child its ports, time to stop and no drop-in of its own",
    () => {
      const overrides: Overrides = {
        deploy: { domain: "stt.example.com", proxy: { kind: "nginx" }, tls: { mode: "internal" } },
        supervisor: { proxy: { managed: true, binary: undefined } },
      };
      const { dir, units } = unitsOf(overrides, "managed");
      expect(units).toEqual(["gigastt-certs.service", "gigastt-certs.timer", "gigastt.service"]);
      const unit = readFileSync(join(dir, "gigastt.service"), "utf8");
      expect(unit).toContain("\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n");
      expect(unit).toContain("\nTimeoutStopSec=25\n");
      // Both would keep clients away: a user namespace has no right to the machine's ports.
      expect(unit).not.toMatch(/^(?:PrivateUsers|IPAddressDeny)=/m);
      expect(readFileSync(join(dir, "gigastt-certs.service"), "utf8")).toContain("reload gigastt.service");
      const verify = spawnSync("systemd-analyze", ["verify", "--man=no", ...units.map((unit) => join(dir, unit))], {
        encoding: "utf8",
      });
      expect(`${verify.stdout}${verify.stderr}`).toBe("");
      const security = ["security", "--offline=true", join(dir, "gigastt.service")];
      const { stdout } = spawnSync("systemd-analyze", security, { encoding: "utf8" });
      expect(Number(/Overall exposure level for gigastt\.service: ([\d.]+)/.exec(stdout)?.[1])).toBeLessThanOrEqual(
        1.9,
      );
    },
  );

  it.skipIf(missing !== "")("drop-ins replace the stop of the proxies' own units", () => {
    const { dir } = unitsOf(VARIANTS[1]![1], "dropin");
    const stock = `[Unit]\nDescription=Caddy\n[Service]\nType=notify\nExecStart=${process.execPath} run --environ\nExecReload=${process.execPath} reload\nTimeoutStopSec=5s\n`;
    writeFileSync(join(dir, "caddy.service"), stock);
    const dropIn = join(dir, "caddy.service.d", "gigastt.conf");
    writeFileSync(dropIn, readFileSync(dropIn, "utf8").replaceAll("/usr/bin/caddy", process.execPath));
    const result = spawnSync("systemd-analyze", ["verify", "--man=no", join(dir, "caddy.service")], {
      encoding: "utf8",
    });
    expect(`${result.stdout}${result.stderr}`).toBe("");
    expect(readFileSync(dropIn, "utf8")).not.toContain("--environ");
  });
});
