import type { Rule } from "../../types.ts";
import { caddyHead, child, children } from "../../model/caddy.ts";
import { isBelow } from "../../model/versions.ts";
import { addCaddy } from "../kit/edits.ts";

export const rule: Rule = {
  id: "GA-XFF-005",
  severity: "warning",
  confidence: "certain",
  title: "Caddy reads X-Forwarded-For from the left",
  why: "Without trusted_proxies_strict Caddy takes the left-most address that is not trusted, and the left end of the header is what the client wrote. Strict reads from the right.",
  evidence: ["Caddy documentation, global option trusted_proxies_strict (2.8)."],
  reads: ["caddyfile", "caddy-json"],
  fixKind: "safe",
  *check(facts) {
    if (isBelow(facts.versions.caddy, "2.8.0")) return;
    for (const file of facts.caddy) {
      for (const servers of file.options.filter((option) => option.name === "servers")) {
        if (child(servers, "trusted_proxies_strict")) continue;
        for (const trusted of children(servers, "trusted_proxies")) {
          yield {
            span: caddyHead(trusted),
            message:
              "trusted_proxies without trusted_proxies_strict: the client address is read from the end the client can write",
            fix: "Add `trusted_proxies_strict` beside it.",
            ...(file.source.path.endsWith(".json") ? {} : { edits: [addCaddy(servers, "trusted_proxies_strict")] }),
          };
        }
      }
    }
  },
};
