import type { Rule } from "../../types.ts";
import { caddyHead, child, goDurationMs } from "../../model/caddy.ts";
import { removeLines, replace } from "../kit/edits.ts";
import { caddyCarrying } from "../kit/points.ts";
import { seconds } from "../kit/wording.ts";

export const rule: Rule = {
  id: "GA-STR-006",
  severity: "error",
  confidence: "certain",
  title: "Caddy ends streams or transcriptions before the server does",
  why: "stream_timeout is a hard cap on a WebSocket, whatever happens on it, and `timeouts write` cuts SSE answers and long transcriptions. Below the server's session limit it cuts live sessions. A response_header_timeout of the transport ends a file that is still being transcribed with 504.",
  evidence: ["Caddy documentation, reverse_proxy stream_timeout, transport http and servers timeouts."],
  reads: ["caddyfile", "caddy-json", "config"],
  fixKind: "safe",
  *check(facts) {
    const session = facts.assume.number("session.maxDuration");
    const related = facts.assume.related("session.maxDuration");
    const budget = facts.assume.number("pool.checkoutTimeout") + facts.assume.number("limits.requestBudget");
    const budgetRelated = [
      ...facts.assume.related("limits.requestBudget"),
      ...facts.assume.related("pool.checkoutTimeout"),
    ];
    const seen = new Set<unknown>();
    for (const point of caddyCarrying(facts, "websocket", "sse", "rest")) {
      const json = point.file.source.path.endsWith(".json");
      const stream = child(point.proxy, "stream_timeout");
      const ms = goDurationMs(stream?.args[0]?.value ?? "");
      if (stream && ms !== undefined && ms !== 0 && (session === 0 || ms < session) && !seen.has(stream)) {
        seen.add(stream);
        const value = stream.args[0];
        yield {
          span: caddyHead(stream),
          message: `stream_timeout ${stream.args[0]?.value} cuts sessions before the limit of ${session === 0 ? "none" : seconds(session)}`,
          fix: "Delete it: the server ends sessions itself, with a code.",
          edits: json
            ? value && session > 0
              ? [replace(value, `"${Math.ceil(session / 1000) + 30}s"`)]
              : []
            : [removeLines(caddyHead(stream))],
          related,
        };
      }
      for (const name of ["response_header_timeout", "read_timeout", "write_timeout"]) {
        const timer = child(point.proxy, "transport", name);
        const limit = goDurationMs(timer?.args[0]?.value ?? "");
        if (!timer || limit === undefined || limit === 0 || limit >= budget || seen.has(timer)) continue;
        seen.add(timer);
        yield {
          span: caddyHead(timer),
          message: `${name} ${timer.args[0]?.value} is below the ${seconds(budget)} a transcription may take (queue + inference)`,
          fix: "Delete it: the server ends requests itself, with a code.",
          ...(json ? {} : { edits: [removeLines(caddyHead(timer))] }),
          related: budgetRelated,
        };
      }
      for (const servers of point.file.options.filter((option) => option.name === "servers")) {
        const write = child(servers, "timeouts", "write");
        if (!write || seen.has(write) || goDurationMs(write.args[0]?.value ?? "") === 0) continue;
        seen.add(write);
        yield {
          span: caddyHead(write),
          message: `timeouts write ${write.args[0]?.value ?? ""} ends event streams and long answers after that time`,
          fix: "Delete it; `read_header` and `idle` protect against slow clients.",
          ...(json ? {} : { edits: [removeLines(caddyHead(write))] }),
        };
      }
    }
  },
};
