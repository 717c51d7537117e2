import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AUDIT_FIXTURES, auditFiles, brief, readFolder } from "../../support/audit-files.ts";

const CORPUS = join(AUDIT_FIXTURES, "corpus");

/** What may be said about configurations of other origin: each line was judged by hand. Everything else: nothing. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  "caddy-trust": ["GA-XFF-004 Caddyfile:3", "GA-XFF-005 Caddyfile:3"],
  "compose-latest": ["GA-DRF-002 compose.yaml:1", "GA-SBX-004 compose.yaml:4", "GA-SBX-001 compose.yaml:5"],
  // Notes: right in general, wanted by these two programs.
  "compose-monitoring": ["GA-SBX-001 compose.yaml:7"],
  "compose-traefik": ["GA-SBX-001 compose.yaml:6"],
  // The last stage's base has no tag: true, and only a note for an image that is not the server's.
  "compose-profiles": ["GA-SBX-004 api/Dockerfile:5"],
  "nginx-append": ["GA-XFF-001 app.conf:6"],
  "nginx-old-tls": ["GA-TLS-001 legacy.conf:4", "GA-TLS-001 legacy.conf:5"],
  "nginx-proxy-params": ["GA-XFF-001 site.conf:4"],
  "unit-node": ["GA-SBX-006 app.service:4"],
  // Trees for a server like this one, by somebody who knows: without its config nobody can say which origins it allows.
  // Their policies are for an API: beside the console they are too strict, which a note says.
  "nginx-speech-tree": [
    "GA-EXP-009 conf.d/speech.conf:13",
    "GA-EXP-020 snippets/tls.conf:10",
    "GA-EXP-020 snippets/tls.conf:11",
  ],
  "caddy-speech-snippets": ["GA-EXP-020 Caddyfile:17", "GA-EXP-020 Caddyfile:18", "GA-EXP-009 Caddyfile:43"],
  // By a beginner: the WebSocket location has timers and no pass, among much else.
  "nginx-speech-beginner": [
    "GA-TLS-003 default.conf:4",
    "GA-TLS-004 default.conf:7",
    "GA-EXP-017 default.conf:8",
    "GA-TLS-002 default.conf:8",
    "GA-TLS-004 default.conf:8",
    "GA-EXP-009 default.conf:8",
    "GA-EXP-008 default.conf:13",
    "GA-STR-005 default.conf:13",
    "GA-STR-008 default.conf:13",
    "GA-STR-011 default.conf:13",
    "GA-XFF-003 default.conf:13",
    "GA-XFF-011 default.conf:13",
    "GA-XFF-001 default.conf:15",
    "GA-LIF-019 default.conf:17",
  ],
  // A chart is not read before it is rendered, and that is said.
  "kube-helm-chart": ["GA-PRS-002 templates/deployment.yaml:1"],
  // A chart's defaults: what a pod keeps that nobody took away.
  "helm-speech": [
    "GA-SBX-005 out.yaml:14",
    "GA-SBX-005 out.yaml:14",
    "GA-LIF-016 out.yaml:16",
    "GA-LIF-002 out.yaml:23",
    "GA-SBX-001 out.yaml:23",
    "GA-SBX-001 out.yaml:23",
    "GA-SBX-001 out.yaml:23",
    "GA-SBX-001 out.yaml:23",
    "GA-SBX-002 out.yaml:23",
    "GA-LIF-013 out.yaml:26",
  ],
};

const names = readdirSync(CORPUS).sort();

describe("foreign configurations", () => {
  it("are at least 40", () => {
    expect(names.length).toBeGreaterThanOrEqual(40);
    for (const name of Object.keys(EXPECTED)) expect(names).toContain(name);
  });

  it.each(names)("%s: nothing an expert would call wrong", (name) => {
    expect(brief(auditFiles(readFolder(join(CORPUS, name))))).toEqual(EXPECTED[name] ?? []);
  });
});
