import type { Rule } from "../../types.ts";
import { arg, headSpan, nginxTimeMs } from "../../model/nginx.ts";
import { replace } from "../kit/edits.ts";
import { nginxCarrying } from "../kit/points.ts";
import { ceilSeconds, seconds } from "../kit/wording.ts";

export const rule: Rule = {
  id: "GA-LIF-006",
  severity: "warning",
  confidence: "certain",
  title: "Reloading nginx cuts sessions, or leaves old workers behind",
  why: "After a reload the old workers keep their connections. worker_shutdown_timeout cuts them after that time: below the session limit it ends live sessions; without it every reload leaves old workers alive as long as their sessions last.",
  evidence: [
    "Tried on nginx: `worker_shutdown_timeout 2s` cuts a WebSocket at 2 s; without it the old worker stays.",
    "kubernetes/ingress-nginx#11515",
  ],
  reads: ["nginx", "config"],
  fixKind: "safe",
  *check(facts) {
    const session = facts.assume.number("session.maxDuration");
    const want = session === 0 ? 3615 : ceilSeconds(session) + 15;
    const seen = new Set<unknown>();
    for (const point of nginxCarrying(facts, "websocket")) {
      if (seen.has(point.root)) continue;
      seen.add(point.root);
      const directive = point.root.main.own.find((item) => item.directive === "worker_shutdown_timeout");
      if (!point.root.complete && !directive) continue; // a site file cannot hold it
      const ms = nginxTimeMs(arg(directive, 0));
      if (directive && (ms === undefined || (session > 0 && ms >= session) || (session === 0 && ms >= 3_600_000)))
        continue;
      const value = directive?.args[0];
      const first = point.root.main.own[0];
      yield {
        span: directive ? headSpan(directive) : headSpan(point.pass),
        message: directive
          ? `worker_shutdown_timeout ${arg(directive, 0)} cuts sessions that may last ${session === 0 ? "without limit" : seconds(session)}`
          : "worker_shutdown_timeout is not set: every reload leaves old workers alive until their last session ends",
        fix: `Write \`worker_shutdown_timeout ${want}s;\` at the top level of nginx.conf (session limit + 15 s).`,
        edits: value
          ? [replace(value, `${want}s`)]
          : first && first.source === point.root.source
            ? [
                {
                  span: { source: first.source, start: first.start, end: first.start },
                  text: `worker_shutdown_timeout ${want}s;\n`,
                },
              ]
            : [],
        related: facts.assume.related("session.maxDuration"),
        // Old workers end by themselves with their last session.
        ...(directive ? {} : { severity: "note" as const }),
      };
    }
  },
};
