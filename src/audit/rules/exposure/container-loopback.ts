import type { Rule } from "../../types.ts";
import { isLoopbackHost } from "../../model/address.ts";
import { appServices, appWorkloads } from "../../model/facts.ts";
import { headSpan } from "../../model/nginx.ts";
import { caddyHead } from "../../model/caddy.ts";
import { commandWords } from "../../model/compose.ts";
import type { ComposeService } from "../../model/compose.ts";
import { yamlAt, yamlEntrySpan, yamlStrings, yamlText } from "../../parse/yaml.ts";
import type { Span } from "../../source.ts";
import { proxiesRunning } from "../kit/compose.ts";
import { environment } from "../../model/environment.ts";
import { replace } from "../kit/edits.ts";
import { appContainer } from "../kit/kubernetes.ts";

export const rule: Rule = {
  id: "GA-EXP-003",
  severity: "error",
  confidence: "certain",
  title: "127.0.0.1 inside a container is the container itself",
  why: "A proxy in a container that passes on to 127.0.0.1 asks itself and answers 502. A server that listens on 127.0.0.1 inside its container is unreachable from every other one, whatever is published.",
  evidence: ["Caddy documentation, running in Docker."],
  reads: ["compose", "nginx", "caddyfile", "kubernetes"],
  fixKind: "safe",
  *check(facts) {
    const app = appServices(facts)[0];
    const port = facts.assume.number("server.port");
    for (const point of facts.nginxPoints) {
      const target = point.targets.find((item) => isLoopbackHost(item.host));
      const proxy = target ? containerised(proxiesRunning(facts, point.pass.source.path, "nginx")) : undefined;
      if (!target || !proxy) continue;
      const server = point.upstream?.own.find((directive) => directive.directive === "server");
      const at = server ?? point.pass;
      const value = at.args[0];
      yield {
        span: headSpan(at),
        message: `${value?.value} is the proxy container ${proxy.name} itself: nothing listens there`,
        fix: `Pass on to the service's name: \`${app?.name ?? "gigastt"}:${target.port ?? port}\`.`,
        ...(value && app
          ? { edits: [replace(value, value.value.replace(/(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])/, app.name))] }
          : {}),
        related: [{ span: proxy.nameSpan, message: "the proxy's container" }],
      };
    }
    for (const point of facts.caddyPoints) {
      const proxy = containerised(proxiesRunning(facts, point.file.source.path, "caddy"));
      if (!proxy) continue;
      for (const target of point.targets) {
        if (!isLoopbackHost(target.host)) continue;
        yield {
          span: target.span,
          message: `${target.host}:${target.port ?? ""} is the proxy container ${proxy.name} itself: nothing listens there`,
          fix: `Pass on to the service's name: \`${app?.name ?? "gigastt"}:${target.port ?? port}\`.`,
          ...(app ? { edits: [replace(target.span, `${app.name}:${target.port ?? port}`)] } : {}),
          related: [
            { span: proxy.nameSpan, message: "the proxy's container" },
            { span: caddyHead(point.proxy), message: "passed on here" },
          ],
        };
      }
    }
    for (const service of appServices(facts)) {
      if (!containerised([service])) continue;
      const bound = boundToLoopback(service);
      if (bound)
        yield {
          span: bound.span,
          message: `${service.name} listens on ${bound.host} inside its container: no other container reaches it`,
          fix: "Listen on 0.0.0.0 inside the container (with server.allowBindAny) and do not publish the port.",
        };
    }
    // A config that the container's own manifest carries is the one that it reads.
    const carried = facts.configSource === undefined ? yamlAt(facts.config, "server", "host") : undefined;
    if (
      carried !== undefined &&
      isLoopbackHost(yamlText(carried) ?? "") &&
      facts.assume.text("server.host") === yamlText(carried)
    )
      yield {
        span: yamlEntrySpan(yamlAt(facts.config, "server"), "host") ?? carried,
        message: `the server listens on ${yamlText(carried)} inside its container: nothing outside reaches it`,
        fix: "Write `host: 0.0.0.0` and `allowBindAny: true`.",
      };
    for (const workload of appWorkloads(facts)) {
      const container = appContainer(facts, workload);
      const words = [
        ...yamlStrings(yamlAt(container?.node, "command")),
        ...yamlStrings(yamlAt(container?.node, "args")),
      ];
      const host = hostFlag(words.map((item) => item.text));
      const flag = words.find((item) => /--host(?:=|$)|server\.host/.test(item.text));
      if (host !== undefined && isLoopbackHost(host) && flag)
        yield {
          span: flag.node,
          message: `the server listens on ${host} inside its pod: no Service reaches it`,
          fix: "Listen on 0.0.0.0 inside the pod.",
        };
      for (const item of yamlAt(container?.node, "env")?.items ?? []) {
        const value = yamlText(yamlAt(item, "value"));
        if (yamlText(yamlAt(item, "name")) !== "GIGASTT_HOST" || value === undefined || !isLoopbackHost(value))
          continue;
        yield {
          span: yamlEntrySpan(item, "value") ?? item,
          message: `the server listens on ${value} inside its pod: no Service reaches it`,
          fix: "Listen on 0.0.0.0 inside the pod.",
        };
      }
    }
  },
};

/** The first service with a network of its own. */
function containerised(services: readonly ComposeService[]): ComposeService | undefined {
  return services.find(
    (service) => !/^(?:host|service:|container:)/.test(yamlText(yamlAt(service.node, "network_mode")) ?? ""),
  );
}

function boundToLoopback(service: ComposeService): { readonly host: string; readonly span: Span } | undefined {
  const command = yamlAt(service.node, "command");
  const host = hostFlag(commandWords(command).words);
  if (command && host !== undefined && isLoopbackHost(host))
    return { host, span: yamlEntrySpan(service.node, "command") ?? command };
  const entry = environment(service).find(
    (item) => item.name === "GIGASTT_HOST" && item.value !== undefined && isLoopbackHost(item.value),
  );
  return entry ? { host: entry.value ?? "", span: entry.span } : undefined;
}

function hostFlag(words: readonly string[]): string | undefined {
  const index = words.findIndex((word) => word === "--host" || word.startsWith("--host="));
  if (index === -1) return undefined;
  return words[index]?.includes("=") ? words[index]?.slice(7) : words[index + 1];
}
