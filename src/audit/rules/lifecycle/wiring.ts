import type { Hit, Rule } from "../../types.ts";
import { ownPorts } from "../../model/listeners.ts";
import type { Facts } from "../../model/facts.ts";
import { appCaddyPoints, appNginxPoints, appServices, appWorkloads } from "../../model/facts.ts";
import { headSpan } from "../../model/nginx.ts";
import { commandWords } from "../../model/compose.ts";
import type { KubeWorkload } from "../../model/kubernetes.ts";
import { serviceSettings } from "../../model/fronts/traefik-settings.ts";
import { selects, stringMap } from "../../model/kubernetes.ts";
import type { YamlNode } from "../../parse/yaml.ts";
import { yamlAt, yamlEntrySpan, yamlKey, yamlNumber, yamlStrings, yamlText } from "../../parse/yaml.ts";
import type { Span } from "../../source.ts";
import { replace } from "../kit/edits.ts";
import { appContainer, appIngresses, appRouteRules, servicesOf } from "../kit/kubernetes.ts";

export const rule: Rule = {
  id: "GA-LIF-018",
  severity: "error",
  confidence: "certain",
  title: "Proxy, container and server disagree on port, config file or model folder",
  why: "The server listens on one port and reads one file. A proxy that dials another port answers every request with 502; a container started with `--config` on a path that nothing is mounted on does not start at all; a model folder without its volume is an empty folder.",
  evidence: ["Reproduced: 502 with `connect() failed (111: Connection refused)` in the proxy's log."],
  reads: ["nginx", "caddyfile", "compose", "kubernetes", "dockerfile", "systemd", "config"],
  fixKind: "unsafe",
  *check(facts) {
    // Without a config the port is only the default, and no reason for a finding.
    if (facts.assume.hasConfig || facts.assume.isSet("server.port")) yield* ports(facts);
    yield* labels(facts);
    yield* mounts(facts);
  },
};

function* ports(facts: Facts): Generator<Hit> {
  const port = facts.assume.number("server.port");
  const own = ownPorts(facts.assume);
  const related = facts.assume.related("server.port");
  const fix = `Use port ${port} (server.port).`;
  const seen = new Set<unknown>();
  for (const point of appNginxPoints(facts)) {
    const server = point.upstream?.own.find((directive) => directive.directive === "server");
    const at = server ?? point.pass;
    const target = point.targets[0] ?? point.address;
    if (seen.has(at) || target.port === undefined || target.port === port || throughGateway(facts, target.host))
      continue;
    seen.add(at);
    const value = at.args[0];
    yield {
      span: headSpan(at),
      message: `${target.host}:${target.port} is dialled, but the server listens on ${port}`,
      fix,
      related,
      ...(value ? { edits: [replace(value, value.value.replace(`:${target.port}`, `:${port}`))] } : {}),
    };
  }
  for (const point of appCaddyPoints(facts)) {
    for (const target of point.targets) {
      if (target.port === undefined || target.port === port || throughGateway(facts, target.host)) continue;
      if (seen.has(`${target.span.source.path}:${target.span.start}`)) continue;
      seen.add(`${target.span.source.path}:${target.span.start}`);
      const text = target.span.source.text.slice(target.span.start, target.span.end);
      yield {
        span: target.span,
        message: `${target.host}:${target.port} is dialled, but the server listens on ${port}`,
        fix,
        related,
        edits: [replace(target.span, text.replace(`:${target.port}`, `:${port}`))],
      };
    }
  }
  for (const service of appServices(facts)) {
    for (const item of yamlStrings(yamlAt(service.node, "expose"))) {
      const given = Number(service.project.text(item.node) ?? item.text);
      if (!Number.isInteger(given) || own.has(given)) continue;
      yield {
        span: item.node,
        message: `${service.name} exposes ${item.text}, but the server listens on ${port}`,
        fix,
        related,
        edits: [replace(item.node, `"${port}"`)],
      };
    }
    for (const item of service.ports) {
      if (item.target === undefined || own.has(item.target)) continue;
      yield {
        span: item.node,
        message: `${service.name} publishes its port ${item.target}, but the server listens on ${port}`,
        fix,
        related,
      };
    }
  }
  for (const workload of appWorkloads(facts)) {
    const container = appContainer(facts, workload);
    const listed = yamlAt(container?.node, "ports")?.items ?? [];
    const numbers = new Set(listed.map((item) => yamlNumber(yamlAt(item, "containerPort"))));
    const main = listed[0];
    const node = yamlAt(main, "containerPort");
    if (main && node && !numbers.has(port)) {
      yield {
        span: yamlEntrySpan(main, "containerPort") ?? node,
        message: `containerPort ${yamlText(node)} is not the server's port ${port}`,
        fix,
        related,
        edits: [replace(node, String(port))],
      };
    }
    const names = listed.map((item) => yamlText(yamlAt(item, "name")));
    // A proxy in the same pod may be what the Service leads to.
    const beside = podPorts(workload);
    for (const object of servicesOf(facts, workload)) {
      for (const item of yamlAt(object.node, "spec", "ports")?.items ?? []) {
        const target = yamlAt(item, "targetPort") ?? yamlAt(item, "port");
        const text = yamlText(target);
        if (!target || text === undefined || names.includes(text) || numbers.has(Number(text)) || Number(text) === port)
          continue;
        if (beside.has(text)) continue;
        yield {
          span: yamlEntrySpan(item, "targetPort") ?? target,
          message: `Service ${object.name} sends to port ${text}, which the server's container does not have`,
          fix: `Use ${names[0] !== undefined ? `the name ${names[0]}` : String(port)}.`,
          edits: [replace(target, names[0] ?? String(port))],
        };
      }
    }
  }
  const referred = new Set(
    appRouteRules(facts).flatMap(({ rule }) =>
      (yamlAt(rule, "backendRefs")?.items ?? []).map((ref) => yamlText(yamlAt(ref, "name"))),
    ),
  );
  for (const object of facts.kube) {
    const selector = yamlAt(object.node, "spec", "selector");
    if (object.kind !== "Service" || !selector || selector.entries.size === 0) continue;
    if (!referred.has(object.name) && !/gigastt|(?:^|-)(?:stt|asr)(?:-|$)/i.test(object.name)) continue;
    if (
      facts.workloads.length === 0 ||
      facts.workloads.some((workload) => selects(stringMap(selector), workload.podLabels))
    )
      continue;
    yield {
      span: yamlKey(yamlAt(object.node, "spec"), "selector") ?? selector,
      message: `Service ${object.name} selects no pod of these files: it has no endpoints`,
      fix: "Use the labels of the Deployment's pod template.",
      confidence: "likely",
    };
  }
  for (const { rule } of appRouteRules(facts)) {
    for (const ref of yamlAt(rule, "backendRefs")?.items ?? []) {
      const named = yamlAt(ref, "port");
      yield* backend(facts, yamlText(yamlAt(ref, "name")), named, yamlEntrySpan(ref, "port"));
    }
  }
  for (const ingress of appIngresses(facts)) {
    for (const item of yamlAt(ingress.node, "spec", "rules")?.items ?? []) {
      for (const path of yamlAt(item, "http", "paths")?.items ?? []) {
        const service = yamlAt(path, "backend", "service");
        const named = yamlAt(service, "port", "number") ?? yamlAt(service, "port", "name");
        yield* backend(facts, yamlText(yamlAt(service, "name")), named, named);
      }
    }
  }
  for (const file of facts.dockerfiles) {
    if (!/gigastt/i.test(file.source.text)) continue;
    for (const item of file.stages.at(-1)?.instructions ?? []) {
      const given = item.name === "EXPOSE" ? item.value.trim().split(/\s+/) : [];
      if (given.map((word) => Number(word.split("/")[0])).every((one) => own.has(one) || !Number.isInteger(one)))
        continue;
      yield { span: item, message: `EXPOSE ${item.value} is not the server's port ${port}`, fix, related };
    }
  }
  for (const unit of facts.units) {
    if (!/gigastt.*\.socket$/.test(unit.name)) continue;
    const entry = unit.get("Socket", "ListenStream");
    const given = Number(/(\d+)$/.exec(entry?.value ?? "")?.[1] ?? Number.NaN);
    if (!entry || entry.value.startsWith("/") || own.has(given) || Number.isNaN(given)) continue;
    yield { span: entry, message: `ListenStream=${entry.value} is not the server's port ${port}`, fix, related };
  }
}

/** The port that the labels make Traefik dial, where the service itself shows which one the server has. */
function* labels(facts: Facts): Generator<Hit> {
  const port = facts.assume.number("server.port");
  for (const service of appServices(facts)) {
    const shows =
      facts.assume.isSet("server.port") ||
      service.ports.some(({ target }) => target === port) ||
      yamlStrings(yamlAt(service.node, "expose")).some(({ text }) => Number(text) === port);
    if (!shows) continue;
    for (const { key, value, span } of serviceSettings(service)) {
      if (!/^http\.services\.[^.]+\.loadbalancer\.server\.port$/.test(key) || Number(value) === port) continue;
      yield {
        span,
        message: `Traefik dials port ${value} of ${service.name}, but the server listens on ${port}`,
        fix: `Use port ${port}.`,
      };
    }
  }
}

/** A route's backend port that the Service does not have. */
function* backend(
  facts: Facts,
  name: string | undefined,
  port: YamlNode | undefined,
  span: Span | undefined,
): Generator<Hit> {
  const service = facts.kube.find((object) => object.kind === "Service" && object.name === name);
  const offered = yamlAt(service?.node, "spec", "ports")?.items ?? [];
  const text = yamlText(port);
  if (!service || !port || offered.length === 0) return;
  if (offered.some((item) => yamlText(yamlAt(item, "port")) === text || yamlText(yamlAt(item, "name")) === text))
    return;
  yield {
    span: span ?? port,
    message: `Service ${service.name} has no port ${text}: the gateway answers 500 or 503`,
    fix: `Use ${offered.map((item) => yamlText(yamlAt(item, "port"))).join(" or ")}.`,
    related: [{ span: yamlAt(service.node, "metadata", "name") ?? service.node, message: "the Service" }],
  };
}

/** A Kubernetes Service or a proxy in between has ports of its own. */
function throughGateway(facts: Facts, host: string): boolean {
  return (
    host.endsWith(".svc") ||
    host.includes(".svc.") ||
    facts.kube.some((object) => object.kind === "Service" && object.name === host)
  );
}

/** Names and numbers of every port in a pod, sidecars included. */
function podPorts({ pod }: KubeWorkload): ReadonlySet<string> {
  const containers = ["containers", "initContainers"].flatMap((list) => yamlAt(pod, list)?.items ?? []);
  const ports = containers.flatMap((container) => yamlAt(container, "ports")?.items ?? []);
  return new Set(
    ports.flatMap((port) => [yamlText(yamlAt(port, "name")) ?? "", yamlText(yamlAt(port, "containerPort")) ?? ""]),
  );
}

function* mounts(facts: Facts): Generator<Hit> {
  for (const service of appServices(facts)) {
    const command = yamlAt(service.node, "command");
    const path = configPath(commandWords(command).words);
    const targets = (yamlAt(service.node, "volumes")?.items ?? []).flatMap((item) => {
      const text = service.project.text(item) ?? yamlText(item);
      return item.kind === "map" ? [yamlText(yamlAt(item, "target")) ?? ""] : [text?.split(":")[1] ?? ""];
    });
    const configs = yamlAt(service.node, "configs") ?? yamlAt(service.node, "secrets") ?? yamlAt(service.node, "build");
    if (command && path !== undefined && !configs && !covered(targets, path))
      yield {
        span: yamlEntrySpan(service.node, "command") ?? command,
        message: `${service.name} reads ${path}, but nothing is mounted there`,
        fix: `Mount the config: \`./gigastt.config.yaml:${path}:ro\`.`,
        confidence: "likely",
      };
  }
  for (const workload of appWorkloads(facts)) {
    const container = appContainer(facts, workload);
    const args = yamlAt(container?.node, "args") ?? yamlAt(container?.node, "command");
    const path = configPath(yamlStrings(args).map((item) => item.text));
    const mounted = (yamlAt(container?.node, "volumeMounts")?.items ?? []).map(
      (item) => yamlText(yamlAt(item, "mountPath")) ?? "",
    );
    if (container && args && path !== undefined && !covered(mounted, path))
      yield {
        span: yamlStrings(args).find((item) => item.text.includes(path))?.node ?? args,
        message: `container ${container.name} reads ${path}, but nothing is mounted there`,
        fix: "Mount the ConfigMap of the config.",
        confidence: "likely",
      };
    const volumes = new Set(
      (yamlAt(workload.pod, "volumes")?.items ?? []).map((item) => yamlText(yamlAt(item, "name"))),
    );
    for (const item of yamlAt(container?.node, "volumeMounts")?.items ?? []) {
      const name = yamlText(yamlAt(item, "name"));
      if (name === undefined || volumes.has(name) || workload.object.kind === "StatefulSet") continue;
      yield {
        span: yamlEntrySpan(item, "name") ?? item,
        message: `the volume ${name} that is mounted here does not exist`,
        fix: "Add it to `volumes` of the pod.",
      };
    }
  }
}

function configPath(words: readonly string[]): string | undefined {
  const index = words.findIndex((word) => word === "--config" || word.startsWith("--config="));
  const value = index === -1 ? undefined : (words[index]?.split("=")[1] ?? words[index + 1]);
  return value?.startsWith("/") ? value : undefined;
}

function covered(targets: readonly string[], path: string): boolean {
  return targets.some(
    (target) => target !== "" && (path === target || path.startsWith(`${target.replace(/\/$/, "")}/`)),
  );
}
