import type { Facts } from "../../model/facts.ts";
import type { Related } from "../../parts.ts";
import type { Rule } from "../../types.ts";
import { ALL_ROUTES, carries, samplePath } from "../../../shared/protocol.ts";
import type { RouteSpec } from "../../../shared/protocol.ts";
import { arg, headSpan, inherited, nginxTimeMs } from "../../model/nginx.ts";
import { gatewayDurationMs } from "../../model/kubernetes.ts";
import { yamlAt, yamlEntrySpan, yamlKey, yamlText } from "../../parse/yaml.ts";
import { mayHoldMore } from "../../model/missing.ts";
import { addNginx, addYaml, replace } from "../kit/edits.ts";
import { frontHits } from "../kit/fronts.ts";
import { nginxCarrying, routesAt } from "../kit/points.ts";
import { ceilSeconds, seconds } from "../kit/wording.ts";
import { annotation, appIngresses, appRouteRules, isNginxIngress, ruleTakes } from "../kit/kubernetes.ts";

export const rule: Rule = {
  id: "GA-STR-005",
  severity: "error",
  confidence: "certain",
  title: "The proxy's timeout is shorter than a transcription may take",
  why: "While a file waits for a slot and is transcribed no byte flows, so the timer for an answer (proxy_read_timeout, timeout server, ProxyTimeout) counts queueing plus inference. If it is shorter than the server's own budget, long files end in 504 although the server finishes them.",
  evidence: [
    "Tried on nginx: upstream silent for 4 s with proxy_read_timeout 2s gives 504 at 2.0 s.",
    "Tried on HAProxy (timeout server: 504) and Traefik (writeTimeout: the connection breaks).",
    "Cloudflare documentation, error 524.",
  ],
  reads: ["nginx", "kubernetes", "haproxy", "apache", "traefik", "cloudflared", "compose", "config"],
  fixKind: "safe",
  *check(facts) {
    const longest = budgetOf(facts, ALL_ROUTES).budget;
    yield* frontHits(facts, "answer", ({ ms }) =>
      ms >= longest ? undefined : `a transcription may take ${seconds(longest)} (queue + inference)`,
    );
    for (const point of nginxCarrying(facts, "rest")) {
      const { budget, want, related } = budgetOf(facts, routesAt(point));
      const directive = inherited(point.scope, "proxy_read_timeout");
      const ms = directive ? nginxTimeMs(arg(directive, 0)) : 60_000;
      if (ms === undefined || ms >= budget || (!directive && mayHoldMore(point.scope))) continue;
      const value = directive?.args[0];
      const shared = directive !== undefined && !point.scope.own.includes(directive);
      yield {
        span: headSpan(directive ?? point.pass),
        message: `${directive ? `proxy_read_timeout ${arg(directive, 0)}` : "proxy_read_timeout is not set (60s)"} is below the ${seconds(budget)} a transcription may take (queue + inference)`,
        fix: `Write \`proxy_read_timeout ${want}s;\` in the location of /v1/transcribe.`,
        edits: [value && !shared ? replace(value, `${want}s`) : addNginx(point.pass, `proxy_read_timeout ${want}s;`)],
        related: [
          ...related,
          ...(directive ? [{ span: headSpan(point.pass), message: "transcriptions go through here" }] : []),
        ],
      };
    }
    const routes = appRouteRules(facts);
    for (const rule of routes) {
      const taken = ALL_ROUTES.filter((route) => carries(route, "rest") && ruleTakes(rule, samplePath(route), routes));
      if (taken.length === 0) continue;
      const { budget, want, related } = budgetOf(facts, taken);
      for (const key of ["request", "backendRequest"]) {
        const node = yamlAt(rule.rule, "timeouts", key);
        const ms = gatewayDurationMs(yamlText(node));
        if (!node || ms === undefined || ms === 0 || ms >= budget) continue;
        yield {
          span: yamlEntrySpan(yamlAt(rule.rule, "timeouts"), key) ?? node,
          message: `timeouts.${key} ${yamlText(node)} is below the ${seconds(budget)} a transcription may take (queue + inference)`,
          fix: `Write \`${key}: ${want}s\` or more: the limit covers the upload as well.`,
          edits: [replace(node, `${want}s`)],
          related,
        };
      }
    }
    const { budget, want, related } = budgetOf(facts, ALL_ROUTES);
    for (const ingress of appIngresses(facts)) {
      const name = "nginx.ingress.kubernetes.io/proxy-read-timeout";
      const found = annotation(ingress, name);
      const ms = found ? Number(found.text) * 1000 : 60_000;
      if (!isNginxIngress(ingress) || ms >= budget) continue;
      const map = yamlAt(ingress.node, "metadata", "annotations");
      const add = map && !found ? addYaml(map, `${name}: "${want}"`) : undefined;
      yield {
        span: found?.node ?? yamlKey(yamlAt(ingress.node, "metadata"), "annotations") ?? ingress.node,
        message: `${name} is ${found ? `"${found.text}"` : "not set (60)"}, below the ${seconds(budget)} a transcription may take`,
        fix: `Set \`${name}: "${want}"\`.`,
        edits: found ? [replace(found.node, `"${want}"`)] : add ? [add] : [],
        related,
      };
    }
  },
};

// ---

/** Longest time without a byte between an upload and its transcript on these routes, and the timer that is long enough. */
function budgetOf(
  { assume }: Facts,
  routes: readonly RouteSpec[],
): { readonly budget: number; readonly want: number; readonly related: readonly Related[] } {
  // A proxy that waits for a transcription is good enough for the default of the held routes.
  const isHeld = assume.isSet("pool.holdTimeout") && routes.some((route) => route.isHeld === true);
  const waitMs = Math.max(assume.number("pool.checkoutTimeout"), isHeld ? assume.number("pool.holdTimeout") : 0);
  const budget = waitMs + assume.number("limits.requestBudget");
  const keys = [
    "limits.requestBudget",
    "pool.checkoutTimeout",
    ...(isHeld ? (["pool.holdTimeout"] as const) : []),
  ] as const;
  return { budget, want: ceilSeconds(budget) + 30, related: keys.flatMap((key) => assume.related(key)) };
}
