import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCa, createServerCertificate } from "../../../src/shared/tls/pki.ts";
import { callControl } from "../../../src/supervisor/control/client.ts";
import { createPlace, until } from "./harness.ts";
import type { Place, Up } from "./harness.ts";

const run = promisify(execFile);
const cli = fileURLToPath(new URL("../../../bin/gigastt.js", import.meta.url));

let place: Place;
let file: string;
beforeEach(() => {
  place = createPlace();
  file = join(place.dir, "gigastt.config.yaml");
});
afterEach(() => place.cleanUp());

const CADDY = `deploy:
  proxy:
    kind: caddy
  tls:
    mode: none
  httpPort: 8080
supervisor:
  watchConfig: false
`;

async function start(text: string): Promise<Up> {
  writeFileSync(file, text);
  const up = place.up({ file });
  await up.ready();
  return up;
}

function control(cmd: string): Promise<unknown> {
  return callControl({ socket: place.socket, cmd, timeoutMs: 60_000 });
}

async function issueIds(up: Up): Promise<string[]> {
  return (await up.status()).issues.map(({ id }) => id);
}

describe("the files of gigastt render beside the configuration", () => {
  // The same version as the fixture's supervisor, else every file is from another one.
  const caddyfile = (): string => join(place.dir, "deploy", "caddy", "Caddyfile");
  const unit = (): string => join(place.dir, "deploy", "systemd", "gigastt.service");

  it("follow a reload, are planned beforehand, and come back byte for byte with a rollback", async () => {
    writeFileSync(file, CADDY);
    await run(process.execPath, [cli, "render", "--config", file]);
    const up = await start(CADDY);
    await control("reload");
    expect((await up.status()).care.rendered).toMatchObject({ stale: [], edited: [] });
    const before = readFileSync(caddyfile(), "utf8");
    expect(before).toContain(":8080 {");

    writeFileSync(file, CADDY.replace("8080", "8090"));
    expect(await control("plan")).toMatchObject({
      effect: "live",
      files: expect.arrayContaining([caddyfile()]) as unknown,
    });
    expect(readFileSync(caddyfile(), "utf8")).toBe(before);
    await control("reload");
    expect(readFileSync(caddyfile(), "utf8")).toContain(":8090 {");
    const { config, care } = await up.status();
    expect(readFileSync(caddyfile(), "utf8")).toContain(config.hash);
    expect(care.rendered?.stale).toEqual([]);

    await control("rollback");
    expect(readFileSync(caddyfile(), "utf8")).toBe(before);
    expect(readFileSync(file, "utf8")).toBe(CADDY);
  });

  it("are left alone when edited by hand, and status names the cure", async () => {
    writeFileSync(file, CADDY);
    await run(process.execPath, [cli, "render", "--config", file]);
    const up = await start(CADDY);
    const edited = `${readFileSync(caddyfile(), "utf8")}# by hand\n`;
    writeFileSync(caddyfile(), edited);
    writeFileSync(file, CADDY.replace("8080", "8090"));
    await control("reload");
    expect(readFileSync(caddyfile(), "utf8")).toBe(edited);
    expect((await up.status()).issues).toContainEqual(
      expect.objectContaining({ id: "rendered_edited", cure: "gigastt render --diff" }),
    );
    // The others follow all the same.
    expect(readFileSync(unit(), "utf8")).toContain((await up.status()).config.hash);
  });

  it("do not appear where nobody rendered any", async () => {
    const up = await start(CADDY);
    writeFileSync(file, CADDY.replace("8080", "8090"));
    await control("reload");
    expect((await up.status()).care.rendered).toBeNull();
    expect(await issueIds(up)).not.toContain("rendered_stale");
  });

  it("cost an issue and nothing else when they cannot be rendered", async () => {
    writeFileSync(file, CADDY);
    await run(process.execPath, [cli, "render", "--config", file]);
    const up = await start(CADDY);
    writeFileSync(
      file,
      `${CADDY.replace("  httpPort", "  cdnCidrs: [203.0.113.0/24]\n  httpPort").replace("kind: caddy", 'kind: caddy\n    version: "2.6.2"')}`,
    );
    expect(await control("reload")).toMatchObject({ effect: "live" });
    expect(await issueIds(up)).toContain("rendered_failed");
    writeFileSync(file, CADDY);
    await control("reload");
    expect(await issueIds(up)).not.toContain("rendered_failed");
  });
});

describe("status", () => {
  it("shows free space and the last audit", async () => {
    const up = await start(CADDY);
    const { care } = await up.status();
    expect(care.disks.map(({ what }) => what)).toEqual(["state", "models"]);
    expect(care.disks[0]?.freeBytes).toBeGreaterThan(0);
    expect(care.audit).toBeNull();
    const state = { GIGASTT_SUPERVISOR_STATE_DIR: place.stateDir };
    await run(process.execPath, [cli, "audit", file], { cwd: place.dir, env: { ...process.env, ...state } }).catch(
      () => {},
    );
    await control("reload");
    const audit = await until("the audit", async () => (await up.status()).care.audit);
    expect(Date.now() - Date.parse(audit.at)).toBeLessThan(60_000);
    const { stdout } = await run(process.execPath, [cli, "status", "--state-dir", place.stateDir]);
    expect(stdout).toMatch(/audit {5}\d{4}-.*: \d+ errors, \d+ warnings/);
    expect(stdout).toMatch(/disk {6}state: [\d.]+ GB of [\d.]+ GB free/);
  });

  it("warns of a certificate near its end, and tells the event command once", async () => {
    const tls = join(place.dir, "tls");
    mkdirSync(tls);
    const made = new Date(Date.now() - (397 - 5) * 86_400_000);
    const pair = await createServerCertificate(await createCa("test", made), ["stt.example.com"], made);
    writeFileSync(join(tls, "server.pem"), pair.certificate);
    writeFileSync(join(tls, "server.key"), pair.privateKey);
    const told = join(place.dir, "told");
    const up = await start(
      CADDY.replace(
        "    mode: none",
        `    mode: files\n    certificateFile: ${tls}/server.pem\n    privateKeyFile: ${tls}/server.key\n  domain: stt.example.com`,
      ) + `  eventCommand: [/bin/sh, -c, "cat >> ${told}; echo >> ${told}"]\n`,
    );
    expect((await up.status()).issues).toContainEqual(
      expect.objectContaining({ id: "certificate_expiring", severity: "error" }),
    );
    expect((await up.status()).care.certificates).toEqual([
      { file: `${tls}/server.pem`, daysLeft: expect.any(Number) as unknown },
    ]);
    await control("reload");
    const events = (): string[] =>
      readFileSync(told, "utf8")
        .split("\n")
        .filter((line) => line.includes("certificate_expiring"));
    await until("the event", () => events().length > 0);
    expect(events()).toHaveLength(1);
  });
});
