import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { brokenFiles } from "../../support/audit-case.ts";
import { ALL, fixable, fixAll, unsafe } from "../../support/audit-fixes.ts";

const BCRYPT = "$2y$12$G1Q4uFmrxYJVcN3T0q9X0uV0n5Yg3iBz0vXo0P6rY8k0mJ1mJ1mJ2";
const hasNginx = spawnSync("nginx", ["-v"]).status === 0;

describe("fixed files before the real proxies", () => {
  let work = "";
  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), "gigastt-audit-fix-"));
    if (hasNginx)
      execFileSync(
        "openssl",
        [
          "req",
          "-x509",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:P-256",
          "-nodes",
          "-days",
          "2",
          "-subj",
          "/CN=stt.example.com",
          "-keyout",
          join(work, "key.pem"),
          "-out",
          join(work, "cert.pem"),
        ],
        { stdio: "ignore" },
      );
  });
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  const nginxCases = fixable.filter((item) => item.base === "nginx" && item.name !== "old http2");
  it.skipIf(!hasNginx)(
    `nginx -t accepts every fixed nginx tree (${nginxCases.length})${hasNginx ? "" : ": skipped, there is no nginx here"}`,
    () => {
      for (const [i, item] of nginxCases.entries()) {
        const folder = join(work, `n${i}`);
        const { files } = fixAll(brokenFiles(item), item);
        for (const [path, text] of Object.entries(files)) {
          mkdirSync(dirname(join(folder, path)), { recursive: true });
          // The installed nginx may be older than `http2 on`, and wants to see certificates and passwords.
          const local = text
            .replace(/^\s*http2 on;\n/gm, "")
            .replaceAll(
              /\/etc\/(?:gigastt\/tls\/server|letsencrypt\/live\/stt\.example\.com\/fullchain)\.pem/g,
              join(work, "cert.pem"),
            )
            .replaceAll("/etc/gigastt/tls/server.key", join(work, "key.pem"))
            .replace(/^\s*ssl on;\n/gm, "");
          writeFileSync(join(folder, path), local);
        }
        const result = spawnSync(
          "nginx",
          [
            "-t",
            "-q",
            "-p",
            folder,
            "-c",
            join(folder, "nginx.conf"),
            "-g",
            `pid ${join(folder, "pid")}; error_log ${join(folder, "error.log")};`,
          ],
          { encoding: "utf8" },
        );
        expect(result.status, `${item.rule} ${item.name}\n${result.stderr}\n${files["nginx.conf"]}`).toBe(0);
      }
    },
  );

  const caddyCases = [...new Set([...fixable, ...unsafe])].filter((item) => item.base === "caddy");
  const caddies = ["caddy", "caddy-2.11"].map((program) => ({
    program,
    version: spawnSync(program, ["version"], { encoding: "utf8" }).stdout?.trim().split(" ")[0] ?? "",
  }));
  for (const { program, version } of caddies)
    it.skipIf(version === "")(
      `${program} validate accepts every fixed Caddyfile (${caddyCases.length})${version === "" ? ": skipped, it is not installed" : `, ${version}`}`,
      () => {
        const old = /^v?2\.[0-7]\./.test(version);
        for (const item of caddyCases) {
          let text = fixAll(brokenFiles(item), item, ALL).files["Caddyfile"] ?? "";
          // A file for one version is not asked of the other, and an old Caddy lacks these names.
          if (!old && item.versions?.caddy?.startsWith("2.6")) continue;
          if (old)
            text = text
              .replaceAll("basic_auth", "basicauth")
              .replace(/^\s*(?:stream_close_delay|trusted_proxies(?:_strict)?)\b.*\n/gm, "")
              .replaceAll("{client_ip}", "{remote_host}");
          const path = join(work, `Caddyfile-${program}`);
          writeFileSync(path, text.replaceAll("{env.GIGASTT_BASIC_AUTH_HASH}", BCRYPT));
          const result = spawnSync(program, ["validate", "--adapter", "caddyfile", "--config", path], {
            encoding: "utf8",
            env: { ...process.env, HOME: work, XDG_DATA_HOME: work, XDG_CONFIG_HOME: work },
          });
          expect(result.status, `${version} ${item.rule} ${item.name}\n${result.stderr}\n${text}`).toBe(0);
        }
      },
      120_000,
    );

  const hasAnalyze = spawnSync("systemd-analyze", ["--version"]).status === 0;
  const unitCases = [...new Set([...fixable, ...unsafe])].filter((item) => item.base === "systemd");
  it.skipIf(!hasAnalyze)(
    `systemd-analyze verify has nothing against the fixed units (${unitCases.length})${hasAnalyze ? "" : ": skipped, there is no systemd-analyze here"}`,
    () => {
      for (const [i, item] of unitCases.entries()) {
        const { files } = fixAll(brokenFiles(item), item, ALL);
        const folder = join(work, `u${i}`);
        mkdirSync(folder);
        // The programs of the unit are not installed here; everything else is as it was fixed.
        const text = (files["gigastt.service"] ?? "")
          .replace(/^(Exec\w+=)\/\S+/gm, "$1/bin/true")
          .replace(/^User=.*\n/gm, "");
        writeFileSync(join(folder, "gigastt.service"), text);
        const result = spawnSync("systemd-analyze", ["verify", "--man=no", join(folder, "gigastt.service")], {
          encoding: "utf8",
        });
        const about = result.stderr.split("\n").filter((line) => line.includes(`u${i}/`));
        expect(about, `${item.rule} ${item.name}\n${text}`).toEqual([]);
      }
    },
    120_000,
  );
});
