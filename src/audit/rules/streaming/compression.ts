import type { Rule } from "../../types.ts";
import { arg, headSpan, inherited } from "../../model/nginx.ts";
import { caddyHead, caddyPathMatches, child, isMatcher, visit } from "../../model/caddy.ts";
import { addNginx, removeLines } from "../kit/edits.ts";
import { caddyCarrying, nginxCarrying } from "../kit/points.ts";

export const rule: Rule = {
  id: "GA-STR-010",
  severity: "warning",
  confidence: "certain",
  title: "The event stream is compressed on its way",
  why: "A compressor collects text before it sends anything, so partial results arrive late and in groups. Caddy's encode matches text/* by default and flushed event streams only after 2.11.4; nginx compresses them when gzip_types names text/event-stream or *.",
  evidence: ["caddyserver/caddy#7905"],
  reads: ["nginx", "caddyfile", "caddy-json"],
  fixKind: "safe",
  *check(facts) {
    for (const point of nginxCarrying(facts, "sse")) {
      if (arg(inherited(point.scope, "gzip"), 0) !== "on") continue;
      const types = inherited(point.scope, "gzip_types");
      const bad = types?.args.find((argument) => argument.value === "*" || argument.value === "text/event-stream");
      if (!types || !bad) continue;
      yield {
        span: bad,
        message: `gzip_types ${bad.value} compresses /v1/transcribe/stream: events arrive in lumps`,
        fix: "Write `gzip off;` in the location of /v1/transcribe/stream.",
        edits: [addNginx(point.pass, "gzip off;")],
        related: [{ span: headSpan(point.pass), message: "the event stream goes through here" }],
      };
    }
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
          message: "encode covers /v1/transcribe/stream: events arrive in lumps",
          fix: "Restrict encode to the paths of pages and files, or drop it: transcripts are small.",
          ...(point.file.source.path.endsWith(".json") ? {} : { edits: [removeLines(encode)] }),
          related: [{ span: caddyHead(point.proxy), message: "the event stream goes through here" }],
        };
      }
    }
  },
};
