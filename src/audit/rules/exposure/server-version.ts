import type { Rule } from "../../types.ts";
import { appNginxPoints } from "../../model/facts.ts";
import { arg, headSpan, inherited, ownAll } from "../../model/nginx.ts";
import { addNginx, replace } from "../kit/edits.ts";

export const rule: Rule = {
  id: "GA-EXP-019",
  severity: "note",
  confidence: "certain",
  title: "nginx shows its version",
  why: "Every answer and every error page names the exact version. Scanners look for versions with a known vulnerability; no client needs it.",
  evidence: ["nginx documentation, server_tokens: on by default.", "gixy-ng version_disclosure"],
  reads: ["nginx"],
  fixKind: "safe",
  *check(facts) {
    const seen = new Set<unknown>();
    for (const point of appNginxPoints(facts)) {
      const server = point.server;
      if (!server || seen.has(server)) continue;
      seen.add(server);
      const tokens = inherited(server, "server_tokens");
      if (tokens ? arg(tokens, 0) === "off" : !point.root.complete || server.missing.length > 0) continue;
      const value = tokens?.args[0];
      const anchor = ownAll(server, "server_name")[0] ?? ownAll(server, "listen")[0] ?? server.directive;
      if (!anchor) continue;
      yield {
        span: headSpan(tokens ?? anchor),
        message: `server_tokens is ${tokens ? arg(tokens, 0) : "not set (on)"}: answers carry nginx's version`,
        fix: "Write `server_tokens off;`.",
        edits: [value ? replace(value, "off") : addNginx(anchor, "server_tokens off;")],
      };
    }
  },
};
