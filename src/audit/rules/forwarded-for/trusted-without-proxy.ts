import type { Rule } from "../../types.ts";
import { appServices, appWorkloads } from "../../model/facts.ts";
import { isLoopbackHost } from "../../model/address.ts";
import { yamlAt, yamlBoolean, yamlEntrySpan, yamlText } from "../../parse/yaml.ts";
import { selects, stringMap } from "../../model/kubernetes.ts";

export const rule: Rule = {
  id: "GA-XFF-008",
  severity: "error",
  confidence: "likely",
  title: "The server trusts address headers and is reachable without its proxy",
  why: "A client that reaches the port directly, or through a container gateway in the trusted range, chooses the address that the rate limit and the log see.",
  evidence: [
    "Connections to a published container port arrive from the bridge gateway (caddyserver/caddy-docker#406).",
  ],
  reads: ["config", "compose", "kubernetes"],
  fixKind: "manual",
  *check(facts) {
    const trusted = facts.assume.list("server.trustedProxies");
    // In a cluster the copy of the config trusts what deploy.kubernetes.trustedCidrs names.
    const cluster = facts.assume.isSet("deploy.kubernetes.trustedCidrs")
      ? facts.assume.list("deploy.kubernetes.trustedCidrs")
      : [];
    const related = facts.assume.related(
      trusted.length > 0 ? "server.trustedProxies" : "deploy.kubernetes.trustedCidrs",
    );
    const fix =
      "Let only the proxy reach the port: no published port (or 127.0.0.1 only), Service type ClusterIP, no hostNetwork.";
    // A published port is reached from the bridge's gateway, which is not a loopback address.
    const isBridgeTrusted = trusted.some((cidr) => !isLoopbackHost(cidr.replace(/\/.*$/, "")));
    for (const service of trusted.length > 0 ? appServices(facts) : []) {
      for (const port of service.ports) {
        if (!isBridgeTrusted || (port.hostIp !== undefined && isLoopbackHost(port.hostIp))) continue;
        yield {
          span: port.node,
          message: `server.trustedProxies is set, and port ${port.published ?? port.target} of ${service.name} is published past the proxy`,
          fix,
          related,
        };
      }
      if (
        yamlText(yamlAt(service.node, "network_mode")) === "host" &&
        !isLoopbackHost(facts.assume.text("server.host") ?? "")
      ) {
        yield {
          span: yamlEntrySpan(service.node, "network_mode") ?? service.nameSpan,
          message: "server.trustedProxies is set, and the host network exposes the port past the proxy",
          fix,
          related,
        };
      }
    }
    for (const workload of trusted.length + cluster.length > 0 ? appWorkloads(facts) : []) {
      if (yamlBoolean(yamlAt(workload.pod, "hostNetwork")) === true) {
        yield {
          span: yamlEntrySpan(workload.pod, "hostNetwork") ?? workload.object.node,
          message: "server.trustedProxies is set, and hostNetwork exposes the port past the gateway",
          fix,
          related,
        };
      }
      for (const object of facts.kube) {
        const type = yamlText(yamlAt(object.node, "spec", "type"));
        if (object.kind !== "Service" || (type !== "NodePort" && type !== "LoadBalancer")) continue;
        if (!selects(stringMap(yamlAt(object.node, "spec", "selector")), workload.podLabels)) continue;
        yield {
          span: yamlEntrySpan(yamlAt(object.node, "spec"), "type") ?? object.node,
          message: `server.trustedProxies is set, and Service ${object.name} of type ${type} leads past the gateway`,
          fix,
          related,
        };
      }
    }
  },
};
