import type { Rule } from "../../types.ts";
import { arg, headSpan, inherited } from "../../model/nginx.ts";
import { caddyHead, children } from "../../model/caddy.ts";
import { addNginx, removeLines, replace } from "../kit/edits.ts";
import { frontHits } from "../kit/fronts.ts";
import { asksByHttp10, caddyCarrying, nginxCarrying } from "../kit/points.ts";

export const rule: Rule = {
  id: "GA-STR-009",
  severity: "warning",
  confidence: "certain",
  title: "The proxy buffers the event stream",
  why: "The server sends `X-Accel-Buffering: no` with its event stream, and nginx then passes every event at once. Where proxy_ignore_headers names that header, proxy_buffering is on and nginx asks by HTTP/1.0 (its default before 1.29.7), all events arrive together at the end. Caddy flushes event streams by itself, unless response_buffers collects the answer first; Traefik does too, without its buffering middleware.",
  evidence: [
    "Tried on nginx 1.22, 1.26 and 1.30: with the header honoured events pass in real time. Ignored, everything arrives at the end over HTTP/1.0; over HTTP/1.1 each chunk still passes at once.",
    "Tried on Caddy 2.6 (buffer_responses) and 2.11 (response_buffers).",
    "Tried on Traefik 3.6: behind the buffering middleware the first event comes after the last was sent.",
  ],
  reads: ["nginx", "caddyfile", "traefik", "compose"],
  fixKind: "safe",
  *check(facts) {
    yield* frontHits(facts, "buffers", () => "events arrive together at the end");
    for (const point of nginxCarrying(facts, "sse")) {
      const buffering = inherited(point.scope, "proxy_buffering");
      const ignores = inherited(point.scope, "proxy_ignore_headers");
      const ignored = ignores?.args.some(({ value }) => value.toLowerCase() === "x-accel-buffering") === true;
      if (!ignores || !ignored || arg(buffering, 0) === "off" || !asksByHttp10(facts, point)) continue;
      const value = buffering?.args[0];
      yield {
        span: headSpan(ignores),
        message: "X-Accel-Buffering of the server is ignored and buffering is on: events arrive together at the end",
        fix: "Write `proxy_buffering off;` in the location of /v1/transcribe/stream, or stop ignoring the header.",
        edits: [
          value && buffering && point.scope.own.includes(buffering)
            ? replace(value, "off")
            : addNginx(point.pass, "proxy_buffering off;"),
        ],
      };
    }
    for (const point of caddyCarrying(facts, "sse")) {
      for (const directive of ["response_buffers", "buffer_responses"].flatMap((name) => children(point.proxy, name)))
        yield {
          span: caddyHead(directive),
          message: `${directive.name} collects the event stream: events arrive when the buffer is full or at the end`,
          fix: "Delete it.",
          edits: [removeLines(caddyHead(directive))],
        };
    }
  },
};
