import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AUDIT_FIXTURES, auditFiles, readFolder } from "../../support/audit-files.ts";

const GOOD = join(AUDIT_FIXTURES, "good");
const CADDY = ["GA-EXP-009", "GA-LIF-007", "GA-STR-012", "GA-TLS-002"];

/** Warnings that an expert would act on. Errors: none. Notes may stand anywhere. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  "01-sites-enabled": ["GA-EXP-009"],
  "02-basic-auth": ["GA-EXP-009", "GA-XFF-003"],
  "03-caddy-plain": CADDY,
  "04-caddy-auth": [...CADDY, "GA-EXP-007", "GA-STR-010"],
  "05-compose-caddy": [...CADDY, "GA-LIF-003", "GA-LIF-012"],
  "06-home-lan": ["GA-SBX-003"],
  "10-subpath": ["GA-EXP-009", "GA-TLS-002"],
  "11-openai-client": ["GA-SBX-003"],
  "12-cloudflare-nginx": ["GA-EXP-009", "GA-TLS-002"],
  "14-caddy-split": CADDY,
  "16-monitoring": ["GA-SBX-003"],
  "17-mtls": ["GA-EXP-009", "GA-TLS-002"],
  "20-oauth": ["GA-EXP-009", "GA-TLS-002"],
};

describe("trees by people who know", () => {
  it.each(readdirSync(GOOD).sort())("%s: nothing to dismiss", (name) => {
    const loud = auditFiles(readFolder(join(GOOD, name))).filter(({ severity }) => severity !== "note");
    expect(
      loud.filter(({ severity }) => severity === "error").map(({ rule, message }) => `${rule} ${message}`),
    ).toEqual([]);
    expect([...new Set(loud.map(({ rule }) => rule))].sort()).toEqual([...(EXPECTED[name] ?? [])].sort());
  });
});
