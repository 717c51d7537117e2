import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { lineText } from "../../../src/audit/source.ts";
import { AUDIT_FIXTURES, auditFiles } from "../../support/audit-files.ts";

/** The defects of two published guides: which rule says it, and on a line that contains what. */
const DEFECTS = [
  ["S1", "appliance.md", "GA-STR-003", "versions h1 h2c"],
  // S2 is a sentence of prose; no file shows it.
  ["S3", "appliance.md", "GA-XFF-007", "perMinute: 60"],
  ["S4", "appliance.md", "GA-EXP-009", "stt.example.com"],
  ["S5", "appliance.md", "GA-EXP-003", "127.0.0.1:9876"],
  ["S6", "appliance.md", "GA-EXP-011", "$2a$14$"],
  // S7: that the server waits for SIGINT only stands in its source, not in a file of the deployment.
  ["S8", "appliance.md", "GA-STR-008", "proxy_pass"],
  ["S9", "appliance.md", "GA-STR-005", "proxy_read_timeout 600s"],
  ["S10", "appliance.md", "GA-TLS-004", "listen 443 ssl http2"],
  ["S11", "appliance.md", "GA-STR-002", "'' close"],
  ["S12", "appliance.md", "GA-EXP-012", "chmod 644"],
  ["S13", "appliance.md", "GA-TLS-003", "error_page 497"],
  ["S14", "appliance.md", "GA-TLS-002", "server_name stt.example.com"],
  ["S15 (version)", "appliance.md", "GA-DRF-002", "version:"],
  ["S15 (latest)", "appliance.md", "GA-SBX-004", ":latest"],
  ["S15 (grace)", "appliance.md", "GA-LIF-003", "gigastt:"],
  ["S16", "appliance.md", "GA-LIF-002", "sleep 10"],
  // S17: 30 s hold pause, drain and margin; that the comment beside it counts differently is prose.
  ["S18", "appliance.md", "GA-LIF-014", "localhost"],
  ["S19 (probes)", "appliance.md", "GA-LIF-015", "name: gigastt"],
  ["S19 (rights)", "appliance.md", "GA-SBX-001", "name: gigastt"],
  ["S20", "appliance.md", "GA-LIF-015", "depends_on: [gigastt]"],
  ["T1", "hardening.md", "GA-XFF-002", "proxy_pass http://backend:8080"],
  ["T2", "hardening.md", "GA-XFF-001", "$proxy_add_x_forwarded_for"],
  ["T3", "hardening.md", "GA-TLS-003", "return 301 https://$host"],
  ["T4", "hardening.md", "GA-EXP-006", "FLOWER_AUTH_B64"],
  ["T5", "hardening.md", "GA-SBX-008", "http://backend:8080"],
  ["T6", "hardening.md", "GA-EXP-001", "FRONTEND_PORT:-5173"],
  ["T7", "hardening.md", "GA-EXP-002", "ufw"],
  ["T8 (user)", "hardening.md", "GA-TLS-004", "/etc/crontab"],
  ["T9", "hardening.md", "GA-EXP-016", "Content-Security-Policy"],
  ["T10", "hardening.md", "GA-STR-002", 'Connection "upgrade"'],
  ["T11", "hardening.md", "GA-SBX-004", "pull_policy: always"],
  ["T12", "hardening.md", "GA-EXP-012", "chmod 600 .env secrets/db_password"],
] as const;

/** Lines of the guides that are right: nothing may be said about them. */
const CORRECT = [
  ["appliance.md", "proxy_set_header Upgrade $http_upgrade;"],
  ["appliance.md", "proxy_http_version 1.1;"],
  ["appliance.md", "proxy_set_header Host $host;"],
  ["appliance.md", "return 308 https://stt.example.com$request_uri;"],
  ["appliance.md", 'expose: ["9876"]'],
  ["appliance.md", "image: caddy:2.11.4"],
  ["appliance.md", "terminationGracePeriodSeconds: 30"],
  ["appliance.md", 'CMD ["gigastt", "serve"]'],
  ["appliance.md", "FROM rust:1.80 AS build"],
  ["hardening.md", 'add_header Strict-Transport-Security "max-age=31536000" always;'],
  ["hardening.md", "image: nginx:1.30.4"],
  ["hardening.md", "image: example/backend:1.4.0"],
  ["hardening.md", "ufw allow 22,80,443/tcp"],
  ["hardening.md", "proxy_http_version 1.1;"],
] as const;

const findings = ["appliance.md", "hardening.md"].flatMap((name) =>
  auditFiles({ [name]: readFileSync(join(AUDIT_FIXTURES, "guides", name), "utf8") }),
);
const guides = new Map(
  ["appliance.md", "hardening.md"].map((name) => [name, readFileSync(join(AUDIT_FIXTURES, "guides", name), "utf8")]),
);

describe("the two published guides", () => {
  it.each(DEFECTS)("%s of %s is found by %s", (_, file, rule, text) => {
    const lines = findings
      .filter((finding) => finding.rule === rule && finding.file === file)
      .map((finding) => lineText(finding.source, finding.line));
    expect(
      lines.some((line) => line.includes(text)),
      lines.join("\n"),
    ).toBe(true);
  });

  it("29 of the 32 defects are found", () => {
    expect(new Set(DEFECTS.map(([id]) => id.split(" ")[0])).size).toBe(29);
  });

  it.each(CORRECT)("nothing is said about the correct line of %s: %s", (file, text) => {
    const lines = (guides.get(file) ?? "").split("\n");
    const numbers = lines.flatMap((line, i) => (line.trim() === text ? [i + 1] : []));
    expect(numbers.length).toBeGreaterThan(0);
    expect(
      findings
        .filter((finding) => finding.file === file && numbers.includes(finding.line))
        .map((finding) => `${finding.rule} ${finding.message}`),
    ).toEqual([]);
  });
});
