import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createClient, createServer } from "../../../../src/cli/deploy/cert-store.ts";
import { certificates } from "../../../../src/cli/doctor/certificates.ts";
import type { ResolvedConfig } from "../../../../src/config/types.ts";
import { watchedCertificates } from "../../../../src/render/deployed/certificates.ts";
import type { DeployedProblem } from "../../../../src/render/deployed/problem.ts";
import { contextOf, linesOf, machine } from "../../cli/doctor/helpers.ts";
import { configWith } from "../base-config.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-certificates-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const made = new Date("2026-01-01T12:00:00Z");
/** A day on which the server certificate (397 days) has this many days left. */
const daysBeforeEnd = (left: number): Date => new Date(made.getTime() + (397 - left) * 86_400_000);
const own = (): ResolvedConfig =>
  configWith({
    deploy: {
      domain: "stt.example.com",
      proxy: { kind: "nginx" },
      auth: { kind: "mtls" },
      tls: { mode: "internal", certificateFile: join(dir, "server.pem") },
    },
  });
const issuesAt = async (now: Date, config = own()): Promise<readonly DeployedProblem[]> =>
  (await watchedCertificates({ config, deployDir: dir, now })).flatMap(({ problems }) => problems);

describe("certificates near their end", () => {
  beforeEach(() => createServer(dir, ["stt.example.com"], { now: made }));

  it.each([
    [22, []],
    [20, [["certificate_expiring", "warning", "has 20 days left"]]],
    [7, [["certificate_expiring", "warning", "has 7 days left"]]],
    [6, [["certificate_expiring", "error", "has 6 days left"]]],
    [1, [["certificate_expiring", "error", "has 24 hours left"]]],
    [-3, [["certificate_expired", "error", "expired 3 days ago: clients refuse it"]]],
  ])("with %i days left", async (left, expected) => {
    const issues = await issuesAt(daysBeforeEnd(left));
    expect(issues.map(({ id, severity, message }) => [id, severity, message])).toEqual(
      expected.map(([id, severity, text]) => [id, severity, `${join(dir, "server.pem")} ${text}`]),
    );
    for (const { cure } of issues) expect(cure).toBe("gigastt certs renew && systemctl reload nginx");
  });

  it("of clients have the command that makes a new one", async () => {
    await createClient(dir, "laptop", { now: made });
    const issues = await issuesAt(new Date(made.getTime() + 824 * 86_400_000));
    expect(issues.map(({ id, cure }) => `${id}: ${cure}`)).toContain(
      "certificate_expiring: gigastt certs client laptop",
    );
  });

  it("are reported by doctor, which also names what is missing or unreadable", async () => {
    const at = (now: Date, config = own()): Promise<string[]> =>
      linesOf(certificates, contextOf(machine({}, { nowMs: () => now.getTime() }), { config }));
    expect(await at(daysBeforeEnd(396))).toEqual([
      `ok: ${join(dir, "server.pem")} has 396 days left`,
      `ok: ${join(dir, "ca.pem")} has 3649 days left`,
    ]);
    expect(await at(daysBeforeEnd(15))).toContain(
      `warn: ${join(dir, "server.pem")} has 15 days left → gigastt certs renew && systemctl reload nginx.`,
    );
    expect((await at(daysBeforeEnd(-1)))[0]).toContain(
      `fail: ${join(dir, "server.pem")} expired 24 hours ago: clients refuse it → `,
    );
    rmSync(join(dir, "server.pem"));
    writeFileSync(join(dir, "ca.pem"), "garbage");
    expect(await at(made)).toEqual([
      `warn: ${join(dir, "server.pem")} does not exist: the proxy cannot start without it → gigastt certs create && systemctl reload nginx.`,
      expect.stringContaining(`fail: ${join(dir, "ca.pem")} is not a certificate: the proxy cannot start with it → `),
    ]);
  });

  it.skipIf(process.getuid?.() !== 0)(
    "that another user may not read are no issue (needs root to change user)",
    async () => {
      chmodSync(dir, 0o000);
      process.seteuid?.(65534);
      try {
        expect(await issuesAt(daysBeforeEnd(-1))).toEqual([]);
        const lines = await linesOf(certificates, contextOf(machine(), { config: own() }));
        expect(lines[0]).toBe(
          `warn: ${join(dir, "server.pem")}: this user may not read it or its key (EACCES) → Run \`sudo gigastt doctor\`.`,
        );
      } finally {
        process.seteuid?.(0);
        chmodSync(dir, 0o700);
      }
    },
  );
});

describe("certificates to watch", () => {
  it.each([
    ["Caddy renews its own", { proxy: { kind: "caddy" as const }, domain: "a.example.com" }],
    ["there is no proxy", {}],
    ["a cluster's gateway has them", { target: "kubernetes" as const, domain: "a.example.com" }],
  ])("are none where %s", async (_name, deploy) => {
    expect(await linesOf(certificates, contextOf(machine(), { config: configWith({ deploy }) }))).toEqual([
      "ok: no certificates to check",
    ]);
  });

  it("are certbot's behind nginx with Let's Encrypt", async () => {
    const config = configWith({ deploy: { proxy: { kind: "nginx" }, domain: "nowhere.example.com" } });
    expect(await linesOf(certificates, contextOf(machine(), { config }))).toEqual([
      "warn: /etc/letsencrypt/live/nowhere.example.com/fullchain.pem does not exist: the proxy cannot start without it → certbot certonly --force-renewal -d nowhere.example.com && systemctl reload nginx.",
    ]);
  });
});
