import type { Rule } from "../../types.ts";
import { compareVersions } from "../../model/versions.ts";
import { yamlAt, yamlEntrySpan } from "../../parse/yaml.ts";
import { proxyKind } from "../kit/compose.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import { headSpan } from "../../model/nginx.ts";
import { caddyHead } from "../../model/caddy.ts";

/** Oldest releases without a known hole that matters here. Distributions patch older ones, hence only a note. */
const FLOORS = {
  nginx: ["1.30.4", "CVE-2026-42533, heap overflow with map and regexes"],
  caddy: ["2.11.1", "CVE-2026-27587 and -27588, path and host matchers bypassed"],
} as const;

export const rule: Rule = {
  id: "GA-TLS-005",
  severity: "note",
  confidence: "needs-context",
  title: "The proxy is older than its last security fix",
  why: "The proxy is the part of the installation that faces the network. Distributions carry fixes back without raising the version, so this is a note to check, not a verdict.",
  evidence: ["nginx CHANGES-1.30", "Caddy advisories of February 2026"],
  reads: ["compose", "nginx", "caddyfile"],
  fixKind: "manual",
  *check(facts) {
    for (const kind of ["nginx", "caddy"] as const) {
      const [floor, reason] = FLOORS[kind];
      for (const service of facts.services) {
        const version = /:v?(\d+\.\d+\.\d+)/.exec(service.image)?.[1];
        if (proxyKind(service) !== kind || version === undefined || compareVersions(version, floor) >= 0) continue;
        yield {
          span: yamlEntrySpan(service.node, "image") ?? yamlAt(service.node, "image") ?? service.nameSpan,
          message: `${kind} ${version} is older than ${floor} (${reason})`,
          fix: `Use ${kind} ${floor} or newer.`,
        };
      }
      const version = facts.versions[kind];
      if (
        version === undefined ||
        compareVersions(version, floor) >= 0 ||
        facts.services.some((service) => proxyKind(service) === kind)
      )
        continue;
      const nginx = appNginxPoints(facts)[0];
      const caddy = appCaddyPoints(facts)[0];
      const span =
        kind === "nginx" ? (nginx ? headSpan(nginx.pass) : undefined) : caddy ? caddyHead(caddy.proxy) : undefined;
      if (span && facts.assume.text("deploy.proxy.version") === undefined)
        yield {
          span,
          message: `${kind} ${version} is older than ${floor} (${reason})`,
          fix: `Use ${kind} ${floor} or newer, or check that your distribution has the fix.`,
        };
    }
  },
};
