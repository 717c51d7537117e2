import type { Rule } from "../../types.ts";
import { appCaddyPoints, appNginxPoints, appWorkloads } from "../../model/facts.ts";
import { headSpan } from "../../model/nginx.ts";
import { caddyHead } from "../../model/caddy.ts";
import { isProxyService, projectsWithApp } from "../kit/compose.ts";
import type { Span } from "../../source.ts";

export const rule: Rule = {
  id: "GA-XFF-007",
  severity: "error",
  confidence: "certain",
  title: "The rate limit sees only the proxy's address",
  why: "Behind a proxy every request comes from the proxy's address. If the server does not trust that proxy, all users share one bucket: a single busy client blocks all others.",
  evidence: ["The server reads X-Forwarded-For only from addresses in server.trustedProxies."],
  reads: ["config", "nginx", "caddyfile", "kubernetes", "compose", "systemd"],
  fixKind: "manual",
  *check(facts) {
    const { assume } = facts;
    if (assume.number("rateLimit.perMinute") <= 0 || assume.list("server.trustedProxies").length > 0) return;
    const declared = assume.text("deploy.proxy.kind");
    // With a declared proxy and no list of its own the config derives the trusted addresses.
    const placed = /^(?:compose|kubernetes)$/.test(assume.text("deploy.target") ?? "");
    if (placed || (declared !== undefined && declared !== "none")) return;
    const proxies: Span[] = [
      ...appNginxPoints(facts).map((point) => headSpan(point.pass)),
      ...appCaddyPoints(facts).map((point) => caddyHead(point.proxy)),
      ...facts.kube
        .filter(
          (object) => (object.kind === "Ingress" || object.kind === "HTTPRoute") && appWorkloads(facts).length > 0,
        )
        .map((object) => object.node),
      // A compose file alone shows the proxy, not its configuration.
      ...projectsWithApp(facts).flatMap((project) =>
        project.services
          .filter((service) => isProxyService(service) && !facts.app.isService(service))
          .map((service) => service.nameSpan),
      ),
    ];
    const proxy = proxies[0];
    if (!proxy) return;
    const limit = assume.span("rateLimit.perMinute");
    yield {
      span: limit ?? proxy,
      message: `rateLimit.perMinute is ${assume.number("rateLimit.perMinute")} and server.trustedProxies is empty while a proxy stands in front: all clients share one bucket`,
      fix: 'Set server.trustedProxies to the proxy\'s address, e.g. `["127.0.0.1/32", "::1/128"]` for one on the same host.',
      related: limit ? [{ span: proxy, message: "the proxy in front" }] : [],
    };
  },
};
