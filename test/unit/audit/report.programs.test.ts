import { expect, it } from "vitest";
import { runRules } from "../../../src/audit/audit.ts";
import { renderJunit } from "../../../src/audit/report/junit.ts";
import { factsOf } from "../../support/audit-files.ts";
import { hasXmllint, junitErrors } from "../../support/report-readers.ts";

const SITE = `server {
  listen 443 ssl;
  location / {
    # gigastt-audit ignore[GA-XFF-001] "old" <client> & co
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_pass http://127.0.0.1:9876;
  }
}
`;

it.skipIf(!hasXmllint)(
  `JUnit follows the schema of Jenkins${hasXmllint ? "" : " (skipped: xmllint is not installed)"}`,
  () => {
    const result = { ...runRules(factsOf({ "site.conf": SITE }), { today: "2026-11-21" }), root: "/srv/site" };
    expect(result.findings.some((finding) => finding.suppressed !== undefined)).toBe(true);
    expect(junitErrors(renderJunit(result, "error"))).toBe("");
    expect(junitErrors(renderJunit(result, "note"))).toBe("");
    expect(junitErrors('<testsuites><testcase name="a"/></testsuites>')).not.toBe("");
  },
);
