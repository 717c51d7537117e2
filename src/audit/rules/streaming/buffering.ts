import type { Rule } from "../../types.ts";
import { arg, headSpan, inherited } from "../../model/nginx.ts";
import { isAtLeast } from "../../model/versions.ts";
import { addNginx, replace } from "../kit/edits.ts";
import { nginxCarrying } from "../kit/points.ts";

export const rule: Rule = {
  id: "GA-STR-009",
  severity: "warning",
  confidence: "certain",
  title: "nginx may buffer the event stream",
  why: "With an HTTP/1.0 upstream, nginx's default before 1.29.7, buffering delivers all events together at the end. Over HTTP/1.1 they pass at once; `proxy_buffering off` makes it certain for this location.",
  evidence: ["Tried: proxy_http_version 1.0 delivers everything at the end, 1.1 in real time."],
  reads: ["nginx"],
  fixKind: "safe",
  *check(facts) {
    for (const point of nginxCarrying(facts, "sse")) {
      const version = inherited(point.scope, "proxy_http_version");
      const old = version ? arg(version, 0) === "1.0" : !isAtLeast(facts.versions.nginx, "1.29.7");
      const buffering = inherited(point.scope, "proxy_buffering");
      const ignores = inherited(point.scope, "proxy_ignore_headers")?.args.find(
        (argument) => argument.value.toLowerCase() === "x-accel-buffering",
      );
      if ((!old && !ignores) || arg(buffering, 0) === "off" || point.scope.missing.length > 0) continue;
      const value = buffering?.args[0];
      yield {
        span: headSpan(version ?? point.pass),
        message: ignores
          ? "X-Accel-Buffering of the server is ignored and buffering is on: events arrive together at the end"
          : `${version ? "proxy_http_version 1.0" : "no proxy_http_version (1.0 before nginx 1.29.7)"} with buffering on holds events back to the end`,
        fix: "Write `proxy_http_version 1.1;` and `proxy_buffering off;` in the location of /v1/transcribe/stream.",
        edits: [
          value && buffering && point.scope.own.includes(buffering)
            ? replace(value, "off")
            : addNginx(point.pass, "proxy_buffering off;"),
        ],
      };
    }
  },
};
