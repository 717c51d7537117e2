import { SSE_PING_MS } from "../../../shared/protocol.ts";
import type { Hit, Rule } from "../../types.ts";
import { arg, headSpan, inherited, nginxTimeMs } from "../../model/nginx.ts";
import { mayHoldMore } from "../../model/missing.ts";
import { addNginx, addYaml, replace } from "../kit/edits.ts";
import { frontHits } from "../kit/fronts.ts";
import { nginxCarrying } from "../kit/points.ts";
import { ceilSeconds, seconds } from "../kit/wording.ts";
import { annotation, appIngresses, isNginxIngress } from "../kit/kubernetes.ts";
import { yamlAt, yamlKey } from "../../parse/yaml.ts";

export const rule: Rule = {
  id: "GA-STR-004",
  severity: "error",
  confidence: "certain",
  title: "The proxy cuts idle WebSocket sessions before the server does",
  why: "proxy_read_timeout and proxy_send_timeout are idle timers, 60 s by default. The server's pings, every 30 s by default, keep a silent session alive; a timer that is not longer than the ping interval, or any timer below the idle timeout when pings are off, fires first: nginx drops the connection without a Close frame: the client sees 1006, loses its final result and cannot distinguish a pause from a crash. The server's own idle close has a code and flushes the result.",
  evidence: [
    "Tried on nginx: raw TCP close at the timer, no Close frame. At 60s an idle session was still open after 200 s, at 20s it was cut.",
    "shellhub-io/shellhub#6158",
  ],
  reads: ["nginx", "kubernetes", "haproxy", "config"],
  fixKind: "safe",
  *check(facts) {
    const idle = facts.assume.number("session.idleTimeout");
    // Each ping of the server and each pong of the client starts the timers again.
    const ping = facts.assume.number("session.pingInterval");
    const silence = ping > 0 ? Math.min(ping, idle) : idle;
    const cause =
      silence < idle
        ? `between two of the server's pings, which come every ${seconds(ping)}`
        : `before the server's idle timeout of ${seconds(idle)}`;
    const want = ceilSeconds(idle) + 30;
    const related = [...facts.assume.related("session.idleTimeout"), ...facts.assume.related("session.pingInterval")];
    yield* frontHits(facts, "silence", ({ ms }) => (ms > silence ? undefined : `it ends a silent session ${cause}`));
    for (const point of nginxCarrying(facts, "websocket")) {
      for (const name of ["proxy_read_timeout", "proxy_send_timeout"]) {
        const directive = inherited(point.scope, name);
        const ms = directive ? nginxTimeMs(arg(directive, 0)) : 60_000;
        if (ms === undefined || ms > silence || (!directive && mayHoldMore(point.scope))) continue;
        const value = directive?.args[0];
        const shared = directive !== undefined && !point.scope.own.includes(directive);
        yield {
          span: headSpan(directive ?? point.pass),
          message: `${directive ? `${name} ${arg(directive, 0)}` : `${name} is not set (60s)`} ends a silent session ${cause}`,
          fix: `Write \`${name} ${want}s;\` (idle timeout + 30 s).`,
          edits: [value && !shared ? replace(value, `${want}s`) : addNginx(point.pass, `${name} ${want}s;`)],
          related: [
            ...related,
            ...(directive ? [{ span: headSpan(point.pass), message: "the WebSocket goes through here" }] : []),
          ],
        } satisfies Hit;
      }
    }
    for (const point of nginxCarrying(facts, "sse")) {
      const directive = inherited(point.scope, "proxy_read_timeout");
      const ms = directive ? nginxTimeMs(arg(directive, 0)) : undefined;
      const value = directive?.args[0];
      if (!directive || !value || ms === undefined || ms > SSE_PING_MS || ms > idle) continue;
      yield {
        span: headSpan(directive),
        message: `proxy_read_timeout ${arg(directive, 0)} ends the event stream between two of the server's comments, which come every ${seconds(SSE_PING_MS)}`,
        fix: `Write \`proxy_read_timeout ${want}s;\`.`,
        edits: [
          point.scope.own.includes(directive)
            ? replace(value, `${want}s`)
            : addNginx(point.pass, `proxy_read_timeout ${want}s;`),
        ],
        related: [{ span: headSpan(point.pass), message: "the event stream goes through here" }],
      } satisfies Hit;
    }
    for (const ingress of appIngresses(facts)) {
      for (const kind of ["read", "send"]) {
        const name = `nginx.ingress.kubernetes.io/proxy-${kind}-timeout`;
        const found = annotation(ingress, name);
        const value = found ? Number(found.text) * 1000 : 60_000;
        if (!isNginxIngress(ingress) || value > silence) continue;
        const map = yamlAt(ingress.node, "metadata", "annotations");
        const add = map ? addYaml(map, `${name}: "${want}"`) : undefined;
        yield {
          span: found?.node ?? yamlKey(yamlAt(ingress.node, "metadata"), "annotations") ?? ingress.node,
          message: `${name} is ${found ? `"${found.text}"` : "not set (60)"}: silent sessions end ${cause}`,
          fix: `Set \`${name}: "${want}"\` (seconds without unit).`,
          edits: found ? [replace(found.node, `"${want}"`)] : add ? [add] : [],
          related,
        };
      }
    }
  },
};
