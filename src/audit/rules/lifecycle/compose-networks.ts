import type { ComposeService } from "../../model/compose.ts";
import type { Facts } from "../../model/facts.ts";
import type { Rule } from "../../types.ts";
import { yamlAt, yamlEntrySpan, yamlStrings, yamlText } from "../../parse/yaml.ts";
import type { Span } from "../../source.ts";
import { proxiesRunning } from "../kit/compose.ts";

export const rule: Rule = {
  id: "GA-LIF-021",
  severity: "error",
  confidence: "certain",
  title: "Proxy and server are on different networks of Compose",
  why: "A service is known by its name only to services that share a network with it. One `networks:` list takes a service out of the default network: the proxy then does not find the server's name, and answers 502 or does not start (nginx: host not found in upstream).",
  evidence: [
    "Compose specification, networks: a service without a list is on `default`, one with a list only on those.",
  ],
  reads: ["compose", "nginx", "caddyfile"],
  fixKind: "manual",
  *check(facts) {
    const seen = new Set<string>();
    for (const { proxy, host, span } of passes(facts)) {
      const service = proxy.project.services.find(({ name }) => name === host);
      const [from, to] = [networksOf(proxy), service && networksOf(service)];
      if (!service || service === proxy || !from || !to || from.some((name) => to.includes(name))) continue;
      const key = `${proxy.project.folder} ${proxy.name} ${service.name}`;
      if (seen.has(key)) continue;
      seen.add(key);
      yield {
        span: yamlEntrySpan(proxy.node, "networks") ?? proxy.nameSpan,
        message: `${proxy.name} (on ${from.join(", ")}) shares no network with ${service.name} (on ${to.join(", ")}): the name ${host} is unknown to it`,
        fix: `Put both on one network: \`networks: [${to[0]}]\` for ${proxy.name}.`,
        related: [
          { span: yamlEntrySpan(service.node, "networks") ?? service.nameSpan, message: "the networks of the server" },
          { span, message: "passed on here" },
        ],
      };
    }
  },
};

// ---

interface Pass {
  readonly proxy: ComposeService;
  readonly host: string;
  readonly span: Span;
}

function* passes(facts: Facts): Generator<Pass> {
  for (const point of facts.nginxPoints)
    for (const proxy of proxiesRunning(facts, point.pass.source.path, "nginx"))
      for (const target of point.targets) yield { proxy, host: target.host, span: point.pass };
  for (const point of facts.caddyPoints)
    for (const proxy of proxiesRunning(facts, point.file.source.path, "caddy"))
      for (const target of point.targets) yield { proxy, host: target.host, span: target.span };
}

/** Undefined where the service has no network of the project's own. */
function networksOf(service: ComposeService): readonly string[] | undefined {
  if (yamlText(yamlAt(service.node, "network_mode")) !== undefined) return undefined;
  const node = yamlAt(service.node, "networks");
  const names = node?.kind === "map" ? [...node.entries.keys()] : yamlStrings(node).map(({ text }) => text);
  return names.length > 0 ? names : ["default"];
}
