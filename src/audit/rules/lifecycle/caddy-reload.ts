import type { Rule } from "../../types.ts";
import { caddyHead, child, goDurationMs } from "../../model/caddy.ts";
import { isBelow } from "../../model/versions.ts";
import { addCaddy, replace } from "../kit/edits.ts";
import { caddyCarrying } from "../kit/points.ts";
import { ceilSeconds, seconds } from "../kit/wording.ts";

export const rule: Rule = {
  id: "GA-LIF-007",
  severity: "warning",
  confidence: "certain",
  title: "Every reload of Caddy closes all live sessions",
  why: "On reload Caddy closes proxied WebSockets at once with 1001, also when only an unrelated site changed. stream_close_delay (2.7) lets them run to their end.",
  evidence: ["Tried on Caddy 2.6.2: the client gets Close 1001 in the moment of the reload.", "caddyserver/caddy#6420"],
  reads: ["caddyfile", "caddy-json", "config"],
  fixKind: "safe",
  *check(facts) {
    if (isBelow(facts.versions.caddy, "2.7.0")) return;
    const session = facts.assume.number("session.maxDuration");
    const want = `${session === 0 ? 3615 : ceilSeconds(session) + 15}s`;
    for (const point of caddyCarrying(facts, "websocket")) {
      const delay = child(point.proxy, "stream_close_delay");
      const value = delay?.args[0];
      const ms = value ? goDurationMs(value.value) : undefined;
      if (delay && (ms === undefined || ms >= Math.min(session || Infinity, 3_600_000))) continue;
      const json = point.file.source.path.endsWith(".json");
      yield {
        span: caddyHead(delay ?? point.proxy),
        message: delay
          ? `stream_close_delay ${value?.value} is shorter than a session may be (${session === 0 ? "no limit" : seconds(session)}): a reload cuts it`
          : "no stream_close_delay: every reload of Caddy closes the live sessions at once",
        fix: `Add \`stream_close_delay ${want}\` to this reverse_proxy (session limit + 15 s).`,
        edits: json ? [] : [value ? replace(value, want) : addCaddy(point.proxy, `stream_close_delay ${want}`)],
        related: facts.assume.related("session.maxDuration"),
      };
    }
  },
};
