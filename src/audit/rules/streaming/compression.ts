import type { Rule } from "../../types.ts";
import { caddyHead, caddyPathMatches, child, isMatcher, visit } from "../../model/caddy.ts";
import { removeLines } from "../kit/edits.ts";
import { isAtLeast } from "../../model/versions.ts";
import { caddyCarrying } from "../kit/points.ts";

export const rule: Rule = {
  id: "GA-STR-010",
  severity: "warning",
  confidence: "certain",
  title: "The event stream is compressed on its way",
  why: "Caddy's encode matches text/* by default, and before 2.9 its compressor keeps what it has: partial results arrive late and in groups. nginx's gzip passes every event on.",
  evidence: [
    "Tried on Caddy 2.6: events of 600 bytes arrive together at the end; on 2.11 and on nginx 1.22, 1.26 and 1.30 each arrives at once.",
    "caddyserver/caddy#6293",
  ],
  reads: ["caddyfile", "caddy-json"],
  fixKind: "safe",
  *check(facts) {
    // 2.9 flushes what it has compressed with every event.
    if (isAtLeast(facts.versions.caddy, "2.9.0")) return;
    for (const point of caddyCarrying(facts, "sse")) {
      const hits: Parameters<typeof caddyHead>[0][] = [];
      const chain = new Set(point.around);
      visit(point.site.directives, [], (directive, around) => {
        if (directive.name !== "encode" || !around.every((block) => chain.has(block))) return;
        const matcher = directive.args[0];
        if (
          matcher &&
          isMatcher(matcher) &&
          matcher.value.startsWith("/") &&
          !caddyPathMatches(matcher.value, "/v1/transcribe/stream")
        )
          return;
        // A matcher that decides by content type, or a named one, is a deliberate choice.
        if (child(directive, "match") || matcher?.value.startsWith("@")) return;
        hits.push(directive);
      });
      for (const encode of hits) {
        yield {
          span: caddyHead(encode),
          message: "encode covers /v1/transcribe/stream: before Caddy 2.9 events arrive in groups",
          fix: "Restrict encode to the paths of pages and files, or drop it: transcripts are small.",
          ...(point.file.source.path.endsWith(".json") ? {} : { edits: [removeLines(encode)] }),
          related: [{ span: caddyHead(point.proxy), message: "the event stream goes through here" }],
          ...(facts.versions.caddy === undefined ? { confidence: "likely" as const } : {}),
        };
      }
    }
  },
};
