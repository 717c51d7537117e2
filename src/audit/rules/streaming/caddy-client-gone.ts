import type { Rule } from "../../types.ts";
import { caddyHead, child } from "../../model/caddy.ts";
import { removeLines } from "../kit/edits.ts";
import { caddyCarrying } from "../kit/points.ts";

export const rule: Rule = {
  id: "GA-STR-015",
  severity: "warning",
  confidence: "certain",
  title: "Caddy keeps requests of clients that have disconnected",
  why: "`flush_interval -1` also keeps the upstream request alive when the client goes away. Event streams and WebSockets are flushed at once anyway; on uploads it makes abandoned transcriptions hold a slot to their end.",
  evidence: ["Caddy documentation, reverse_proxy flush_interval."],
  reads: ["caddyfile", "caddy-json"],
  fixKind: "safe",
  *check(facts) {
    for (const point of caddyCarrying(facts, "rest")) {
      const flush = child(point.proxy, "flush_interval");
      if (flush?.args[0]?.value !== "-1") continue;
      yield {
        span: caddyHead(flush),
        message: "flush_interval -1 on the upload route: a transcription goes on although its client left",
        fix: "Delete the line: event streams are flushed without it.",
        ...(point.file.source.path.endsWith(".json") ? {} : { edits: [removeLines(caddyHead(flush))] }),
      };
    }
  },
};
