import type { YamlNode } from "../../parse/yaml.ts";
import { yamlAt, yamlText } from "../../parse/yaml.ts";
import { parseAddress } from "../address.ts";
import { frontOf, type Front, type IsUpstream } from "./front.ts";

/** Cloudflare's limits for free and Pro plans, from its documentation: an upload, and the time until an answer begins (error 524). */
const CLOUDFLARE_BODY_BYTES = 100_000_000;
const CLOUDFLARE_ANSWER_MS = 120_000;

/** Returns the ways to the server through a tunnel of cloudflared (`ingress` of its config.yml). */
export function cloudflaredFronts(config: YamlNode, isUpstream: IsUpstream): readonly Front[] {
  return (yamlAt(config, "ingress")?.items ?? []).flatMap((rule) => {
    const service = yamlAt(rule, "service");
    if (service === undefined || !isUpstream([parseAddress(yamlText(service) ?? "")])) return [];
    return [
      frontOf({
        program: "cloudflared",
        span: service,
        answer: [
          {
            span: service,
            ms: CLOUDFLARE_ANSWER_MS,
            what: "Cloudflare waits 120 s for an answer to begin (error 524)",
            fix: "Send long recordings as jobs or over /v1/transcribe/stream, which answers at once; or keep limits.requestBudget below it.",
          },
        ],
        bodies: [
          {
            span: service,
            bytes: CLOUDFLARE_BODY_BYTES,
            what: "Cloudflare's limit on free and Pro plans",
            fix: "Keep the limit of the server at or below 100 MB, so that clients get its own error.",
          },
        ],
      }),
    ];
  });
}

/** Returns the ways to the server through `tailscale serve` (its JSON). Tailscale overwrites X-Forwarded-For and has no timers. */
export function tailscaleFronts(config: YamlNode, isUpstream: IsUpstream): readonly Front[] {
  return [...(yamlAt(config, "Web")?.entries ?? [])].flatMap(([host, { value }]) => {
    const targets = [...(yamlAt(value, "Handlers")?.entries.values() ?? [])].flatMap(
      (handler) => yamlAt(handler.value, "Proxy") ?? [],
    );
    const target = targets.find((node) => isUpstream([parseAddress(yamlText(node) ?? "")]));
    if (target === undefined) return [];
    const funnel = yamlAt(config, "AllowFunnel", host);
    return [
      frontOf({
        program: "Tailscale",
        span: target,
        exposes:
          funnel?.value === true
            ? [
                {
                  span: funnel,
                  what: "Tailscale Funnel opens the server to the whole internet",
                  fix: "Set auth.keys: required, or take Funnel away: tailscale funnel reset.",
                },
              ]
            : [],
      }),
    ];
  });
}
