import type { Rule } from "../../types.ts";
import { isLoopbackHost } from "../../model/address.ts";
import { yamlAt, yamlBoolean, yamlEntrySpan, yamlStrings, yamlText } from "../../parse/yaml.ts";
import { isProxyService } from "../kit/compose.ts";

export const rule: Rule = {
  id: "GA-XFF-010",
  severity: "warning",
  confidence: "needs-context",
  title: "Container networking may hide the client's address from the proxy",
  why: "In rootless engines, and for IPv6 visitors on a network without IPv6, connections to a published port arrive from the bridge gateway. Per-address limits then put all those visitors into one bucket.",
  evidence: ["mholt/caddy-ratelimit#54", "moby/moby#15086"],
  reads: ["compose", "config"],
  fixKind: "manual",
  *check(facts) {
    const limits =
      facts.assume.number("rateLimit.perMinute") > 0 ||
      facts.nginx.some((root) => root.source.text.includes("limit_req_zone"));
    for (const project of facts.compose) {
      if (!project.services.some((service) => facts.app.isService(service))) continue;
      for (const service of project.services) {
        if (
          !(isProxyService(service) || facts.app.isService(service)) ||
          yamlText(yamlAt(service.node, "network_mode")) === "host"
        )
          continue;
        const open = service.ports.find((port) => port.hostIp === undefined || !isLoopbackHost(port.hostIp));
        if (!open || (!limits && open.hostIp !== "::")) continue;
        const networks = yamlAt(service.node, "networks");
        const names =
          networks?.kind === "map" ? [...networks.entries.keys()] : yamlStrings(networks).map((item) => item.text);
        const used = names.length > 0 ? names : ["default"];
        if (used.some((name) => yamlBoolean(yamlAt(project.root, "networks", name, "enable_ipv6")) === true)) continue;
        const definition = used
          .map((name) => yamlEntrySpan(yamlAt(project.root, "networks", name), "enable_ipv6"))
          .find((span) => span !== undefined);
        yield {
          span: definition ?? open.node,
          message: `${service.name} is published on a network without IPv6: IPv6 visitors, and all visitors under a rootless engine, arrive from the gateway's address and share one limit`,
          fix: "Set `enable_ipv6: true` with a subnet on the network, or give the proxy `network_mode: host`.",
        };
      }
    }
  },
};
