import type { Hit, Rule } from "../../types.ts";
import { isLoopbackHost, isPrivateHost } from "../../model/address.ts";
import { directPorts } from "../../model/listeners.ts";
import { appWorkloads } from "../../model/facts.ts";
import type { Facts } from "../../model/facts.ts";
import type { ListenerSpec } from "../../../shared/listeners.ts";
import type { ComposePort, ComposeService } from "../../model/compose.ts";
import type { KubeObject } from "../../model/kubernetes.ts";
import { commandWords } from "../../model/compose.ts";
import { environment } from "../../model/environment.ts";
import { selects, stringMap } from "../../model/kubernetes.ts";
import { yamlAt, yamlEntrySpan, yamlNumber, yamlText } from "../../parse/yaml.ts";
import { replace } from "../kit/edits.ts";
import { isProxyService } from "../kit/compose.ts";

export const rule: Rule = {
  id: "GA-EXP-001",
  severity: "error",
  confidence: "certain",
  title: "A container port is published to the network, bypassing the proxy",
  why: "A port without a host address is bound on every interface, and Docker's rules come before ufw's. Anyone on the network can use the service without TLS and without a password. An unset variable does not help: `${PORT:-5173}` publishes the default.",
  evidence: ["KICS container_traffic_not_bound_to_host_interface", "docker-bench-security 5.14"],
  reads: ["compose", "kubernetes"],
  fixKind: "safe",
  *check(facts) {
    const direct = directPorts(facts.assume);
    for (const project of facts.compose) {
      const hasProxy =
        project.services.some((service) => isProxyService(service)) ||
        facts.nginxPoints.length > 0 ||
        facts.caddyPoints.length > 0;
      for (const service of project.services) {
        const ours = facts.app.isService(service);
        if (ours) yield* onHostNetwork(service);
        if (isProxyService(service) || (!ours && !hasProxy)) continue;
        for (const port of service.ports) {
          if (port.hostIp !== undefined && isLoopbackHost(port.hostIp)) continue;
          if (ours && port.target !== undefined && direct.has(port.target)) {
            if (port.hostIp === undefined || !isPrivateHost(port.hostIp))
              yield withoutKey(port, direct.get(port.target)!);
            continue;
          }
          // Other services may be meant for the network; beside a proxy those on web ports are its own.
          if (!ours && (port.published === "80" || port.published === "443" || port.protocol === "udp")) continue;
          const raw = port.node.kind === "scalar" ? port.node.text : undefined;
          const bare = raw !== undefined && port.hostIp === undefined && raw.includes(":");
          yield {
            span: port.node,
            message: `port ${port.target ?? "?"} of ${service.name} is published on ${port.hostIp ?? "every interface"}${port.viaDefault.length > 0 ? `: ${port.viaDefault.join(", ")} is unset, so its default applies` : ""}`,
            fix: "Do not publish it: proxy and server share a network (`expose`). For a proxy on the host bind it to 127.0.0.1.",
            ...(bare ? { edits: [replace(port.node, `"127.0.0.1:${raw}"`)] } : {}),
            // One private network was named on purpose: a VPN, mostly.
            ...(ours && !isPrivateHost(port.hostIp ?? "")
              ? {}
              : { severity: "warning" as const, confidence: "likely" as const }),
          };
        }
      }
    }
    for (const object of facts.kube) yield* byService(facts, object);
  },
};

function* byService(facts: Facts, object: KubeObject): Generator<Hit> {
  const type = yamlAt(object.node, "spec", "type");
  const text = yamlText(type) ?? "";
  if (object.kind !== "Service" || !type || !/^(?:LoadBalancer|NodePort)$/.test(text)) return;
  const labels = stringMap(yamlAt(object.node, "spec", "selector"));
  if (!appWorkloads(facts).some((workload) => selects(labels, workload.podLabels))) return;
  // Named for clients that know no gateway, and for some addresses alone.
  const ports = (yamlAt(object.node, "spec", "ports")?.items ?? []).map(
    (item) => yamlNumber(yamlAt(item, "targetPort")) ?? yamlNumber(yamlAt(item, "port")),
  );
  const direct = directPorts(facts.assume);
  const named = ports.map((port) => (port === undefined ? undefined : direct.get(port)));
  if (named.length > 0 && named.every((listener) => listener !== undefined)) {
    if (yamlAt(object.node, "spec", "loadBalancerSourceRanges")) return;
    yield {
      span: yamlEntrySpan(yamlAt(object.node, "spec"), "type") ?? type,
      message: `the Service ${object.name} is of type ${text}: ${whoReaches(named[0]!)}`,
      fix: "Name its clients in `loadBalancerSourceRanges`, or keep a ClusterIP.",
      severity: "warning",
    };
    return;
  }
  yield {
    span: yamlEntrySpan(yamlAt(object.node, "spec"), "type") ?? type,
    message: `the Service ${object.name} is of type ${text}: the network reaches the server past the gateway`,
    fix: "Delete the line: the gateway reaches a ClusterIP.",
    severity: "warning" as const,
    confidence: "likely" as const,
  };
}

function whoReaches({ protocol, takesKeys }: ListenerSpec): string {
  const name = protocol === "wyoming" ? "the Wyoming protocol" : "the Vosk protocol";
  return `every machine that reaches it uses the server by ${name}, without ${takesKeys ? "TLS" : "a password or TLS"}`;
}

/** Wyoming and Vosk are meant for their clients in the network: an address of the host says which network. */
function withoutKey(port: ComposePort, listener: ListenerSpec): Hit {
  const raw = port.node.kind === "scalar" ? port.node.text : "";
  return {
    span: port.node,
    message: `port ${port.target} is published on ${port.hostIp ?? "every interface"}: ${whoReaches(listener)}`,
    fix: `Write the host's address in the home network in front (\`"192.168.1.10:${raw === "" ? port.target : raw}"\`), or reach it through a network of the containers.`,
    severity: "warning",
  };
}

/** On the host's network there is no port to publish: the address that the server binds decides. */
function* onHostNetwork(service: ComposeService): Generator<Hit> {
  if (yamlText(yamlAt(service.node, "network_mode")) !== "host") return;
  const { words } = commandWords(yamlAt(service.node, "command"));
  const flag = words.findIndex((word) => word === "--host" || word.startsWith("--host="));
  const given = flag === -1 ? undefined : (words[flag]?.split("=")[1] ?? words[flag + 1]);
  const host = given ?? environment(service).find(({ name }) => name === "GIGASTT_HOST")?.value;
  if (host === undefined || host === "" || /[${]/.test(host) || isLoopbackHost(host)) return;
  yield {
    span: yamlEntrySpan(service.node, "network_mode") ?? service.nameSpan,
    message: `${service.name} is on the host's network and listens on ${host}: every machine that reaches the host reaches it`,
    fix: "Delete GIGASTT_HOST, so that it listens on 127.0.0.1 for a proxy on this host, or take it off the host's network.",
  };
}
