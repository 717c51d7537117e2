import type { Rule } from "../../types.ts";
import { caddyHead, child } from "../../model/caddy.ts";
import { isAtLeast } from "../../model/versions.ts";
import { removeLines } from "../kit/edits.ts";
import { caddyCarrying } from "../kit/points.ts";

export const rule: Rule = {
  id: "GA-STR-015",
  severity: "warning",
  confidence: "certain",
  title: "Caddy keeps requests of clients that have disconnected",
  why: "Before Caddy 2.9 `flush_interval -1` also keeps the upstream request alive when the client goes away. Event streams and WebSockets are flushed at once anyway; on uploads it makes abandoned transcriptions hold a slot to their end.",
  evidence: ["Tried on Caddy 2.6: the server works on to the end; on 2.11 it is cut off with its client."],
  reads: ["caddyfile", "caddy-json"],
  fixKind: "safe",
  *check(facts) {
    if (isAtLeast(facts.versions.caddy, "2.9.0")) return;
    for (const point of caddyCarrying(facts, "rest")) {
      const flush = child(point.proxy, "flush_interval");
      if (flush?.args[0]?.value !== "-1") continue;
      yield {
        span: caddyHead(flush),
        message: "flush_interval -1 on the upload route: a transcription goes on although its client left",
        fix: "Delete the line: event streams are flushed without it.",
        ...(facts.versions.caddy === undefined ? { confidence: "likely" as const } : {}),
        ...(point.file.source.path.endsWith(".json") ? {} : { edits: [removeLines(caddyHead(flush))] }),
      };
    }
  },
};
