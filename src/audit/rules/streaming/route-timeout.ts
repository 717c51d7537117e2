import type { Rule } from "../../types.ts";
import { gatewayDurationMs } from "../../model/kubernetes.ts";
import { ALL_ROUTES, samplePath } from "../../../shared/protocol.ts";
import { yamlAt, yamlEntrySpan, yamlKey, yamlText } from "../../parse/yaml.ts";
import { addYaml, replace } from "../kit/edits.ts";
import { isOptional } from "../kit/points.ts";
import { seconds } from "../kit/wording.ts";
import { appRouteRules, ruleTakes } from "../kit/kubernetes.ts";

export const rule: Rule = {
  id: "GA-STR-007",
  severity: "warning",
  confidence: "likely",
  title: "The HTTPRoute sets no time limit for streams: the gateway's default applies",
  why: "Without timeouts.request the gateway's default applies: 15 s on Envoy, 30 s on GKE, for the whole exchange. WebSocket sessions and event streams are cut there. `0s` switches the limit off.",
  evidence: ["kubernetes-sigs/gateway-api#1612", "envoyproxy/gateway#8454"],
  reads: ["kubernetes", "config"],
  fixKind: "safe",
  *check(facts) {
    const session = facts.assume.number("session.maxDuration");
    const rules = appRouteRules(facts);
    for (const item of rules) {
      const stream = ALL_ROUTES.find(
        (route) =>
          (route.traffic === "websocket" || route.traffic === "sse") &&
          route.replacedBy === undefined &&
          !isOptional(route) &&
          ruleTakes(item, samplePath(route), rules),
      );
      if (!stream) continue;
      const timeouts = yamlAt(item.rule, "timeouts");
      const request = yamlAt(timeouts, "request");
      const ms = gatewayDurationMs(yamlText(request));
      if (ms === 0 || (ms !== undefined && session > 0 && ms >= session)) continue;
      const add = timeouts ? undefined : addYaml(item.rule, "timeouts: {request: 0s, backendRequest: 0s}");
      yield {
        span:
          yamlEntrySpan(timeouts, "request") ??
          yamlKey(item.rule, "timeouts") ??
          yamlKey(item.rule, "matches") ??
          item.rule,
        message: request
          ? `timeouts.request ${yamlText(request)} ends ${stream.path} sessions before their limit of ${session === 0 ? "none" : seconds(session)}`
          : `the rule that takes ${stream.path} has no timeouts.request: the gateway's default cuts streams`,
        fix: "Write `timeouts: {request: 0s, backendRequest: 0s}` on the rules for /v1/ws and /v1/transcribe/stream.",
        edits: request ? [replace(request, "0s")] : add ? [add] : [],
        related: facts.assume.related("session.maxDuration"),
      };
    }
  },
};
