import type { Rule } from "../../types.ts";
import { arg, headSpan, inherited } from "../../model/nginx.ts";
import { mayHoldMore } from "../../model/missing.ts";
import { addNginx, replace } from "../kit/edits.ts";
import { nginxCarrying } from "../kit/points.ts";

export const rule: Rule = {
  id: "GA-STR-011",
  severity: "warning",
  confidence: "certain",
  title: "nginx writes uploaded audio or transcripts to its disk",
  why: "proxy_request_buffering is on by default: bodies above 16 KiB go to client_body_temp before they reach the server. Recordings then stay unencrypted in that folder.",
  evidence: ["Tried on nginx: a 3 MB upload is `buffered to a temporary file`."],
  reads: ["nginx", "config"],
  fixKind: "safe",
  *check(facts) {
    if (facts.assume.text("deploy.privacy") !== "strict") return;
    const told = new Set<unknown>();
    for (const point of nginxCarrying(facts, "rest")) {
      const buffering = inherited(point.scope, "proxy_buffering");
      const size = inherited(point.scope, "proxy_max_temp_file_size");
      // Beside an upload that already goes to disk the answer is the smaller half.
      if (arg(buffering, 0) === "off" || (size && arg(size, 0).startsWith("0"))) continue;
      if (arg(inherited(point.scope, "proxy_request_buffering"), 0) !== "off" || told.has(point.pass)) continue;
      told.add(point.pass);
      const value = size?.args[0];
      yield {
        span: headSpan(size ?? point.pass),
        message: `proxy_max_temp_file_size is ${size ? arg(size, 0) : "not set (1024m)"}: transcripts larger than nginx's buffers are written to its temporary folder`,
        fix: "Write `proxy_max_temp_file_size 0;` beside `proxy_request_buffering off;`.",
        edits: [value ? replace(value, "0") : addNginx(point.pass, "proxy_max_temp_file_size 0;")],
        related: facts.assume.related("deploy.privacy"),
        severity: "note" as const,
      };
    }
    for (const point of nginxCarrying(facts, "rest", "sse")) {
      const directive = inherited(point.scope, "proxy_request_buffering");
      if (arg(directive, 0) === "off" || (!directive && mayHoldMore(point.scope))) continue;
      const value = directive?.args[0];
      yield {
        span: headSpan(directive ?? point.pass),
        message: `${directive ? "proxy_request_buffering on" : "proxy_request_buffering is not set (on)"}: audio is written to nginx's temporary folder, which deploy.privacy strict forbids`,
        fix: "Write `proxy_request_buffering off;` in the locations of /v1/transcribe.",
        edits: [
          value && directive && point.scope.own.includes(directive)
            ? replace(value, "off")
            : addNginx(point.pass, "proxy_request_buffering off;"),
        ],
        related: facts.assume.related("deploy.privacy"),
        // The strict privacy of the defaults is not what this deployment asked for.
        ...(facts.assume.isSet("deploy.privacy") || facts.assume.hasConfig ? {} : { severity: "note" as const }),
      };
    }
  },
};
