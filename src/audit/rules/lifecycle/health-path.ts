import type { Hit, Rule } from "../../types.ts";
import type { Facts } from "../../model/facts.ts";
import { appCaddyPoints, appServices, appWorkloads } from "../../model/facts.ts";
import { pathsOf } from "../../../shared/protocol.ts";
import type { DockerfileParse } from "../../parse/dockerfile.ts";
import type { Span } from "../../source.ts";
import { caddyHead, child } from "../../model/caddy.ts";
import { yamlAt, yamlEntrySpan, yamlNumber, yamlText } from "../../parse/yaml.ts";
import { replace } from "../kit/edits.ts";
import { appContainer } from "../kit/kubernetes.ts";
import { dockerfileOf, healthTest } from "../kit/compose.ts";
import { baseOf } from "../kit/dockerfile.ts";

const HEALTH_PATHS = new Set(pathsOf("probe"));

export const rule: Rule = {
  id: "GA-LIF-014",
  severity: "error",
  confidence: "certain",
  title: "The health check cannot succeed: wrong path, port, host or tool",
  why: "A check of a wrong path, port or scheme, of `localhost` (which may be ::1 while the server listens on IPv4), or with a tool the image does not contain, never succeeds: the container stays unhealthy, dependants never start, rollouts roll back.",
  evidence: ["Slim Node images hold neither curl nor wget.", "coollabsio/coolify-docs#250"],
  reads: ["dockerfile", "compose", "kubernetes", "caddyfile", "haproxy", "traefik", "config"],
  fixKind: "safe",
  *check(facts) {
    for (const { program, health } of facts.fronts)
      for (const { span, path } of health)
        if (!HEALTH_PATHS.has(path.replace(/\?.*$/, "")))
          yield {
            span,
            message: `${program} asks ${path}, which is not a health route of the server (/health, /ready): it takes the server for dead and answers 503`,
            fix: "Ask /ready.",
          };
    for (const file of facts.dockerfiles) {
      const stage = file.stages.at(-1);
      const check = stage?.instructions.findLast((item) => item.name === "HEALTHCHECK");
      if (!check || check.value === "NONE" || !/gigastt|:9876/i.test(file.source.text)) continue;
      const words = check.value.replace(/^CMD\s*/, "");
      yield* judge(facts, words, check, missingTool(words, file));
    }
    for (const service of appServices(facts)) {
      const test = healthTest(service);
      if (!test) continue;
      const words = test.words.join(" ");
      const built = dockerfileOf(facts, service);
      const tool = built
        ? missingTool(words, built)
        : /(?:^|\/)gigastt(?::|@|$)/.test(service.image)
          ? toolOf(words)
          : undefined;
      yield* judge(facts, words, test.node, tool);
    }
    yield* kubernetes(facts);
    for (const point of appCaddyPoints(facts)) {
      const uri = child(point.proxy, "health_uri");
      const value = uri?.args[0];
      if (!uri || !value || HEALTH_PATHS.has(value.value.split("?")[0] ?? "")) continue;
      yield {
        span: caddyHead(uri),
        message: `health_uri ${value.value} is not a health route of the server (/health, /ready)`,
        fix: "Write `health_uri /ready`.",
        edits: [replace(value, "/ready")],
      };
    }
  },
};

function* judge(facts: Facts, words: string, span: Span, tool: string | undefined): Generator<Hit> {
  const url = /(https?):\/\/([^\s/:'"`]+)(?::(\d+))?(\/[^\s'"`?)]*)?/.exec(words);
  const port = facts.assume.number("server.port");
  const fix =
    "Ask `http://127.0.0.1:PORT/ready` with what the image has: `node -e \"fetch('http://127.0.0.1:9876/ready').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))\"`.";
  if (url) {
    const [, scheme, host = "", given, literal = "/"] = url;
    // `'http://127.0.0.1:'+port+'/ready'`: the path stands by itself.
    const glued = /https?:\/\/[^\s'"]*['"]\s*\+/.test(words);
    const path = glued ? (/['"](\/[\w/-]*)['"]/.exec(words)?.[1] ?? "/ready") : literal;
    const place = textSpan(span, host);
    const whole = textSpan(span, url[0]) ?? span;
    if (host === "localhost")
      yield {
        span: whole,
        message: "the health check asks `localhost`, which may resolve to ::1 while the server listens on IPv4 only",
        fix,
        ...(place ? { edits: [replace(place, "127.0.0.1")] } : {}),
      };
    if (scheme === "https")
      yield { span: whole, message: "the health check asks by https, the server speaks http", fix };
    if (!HEALTH_PATHS.has(path))
      yield {
        span: whole,
        message: `the health check asks ${path}, which is not a health route of the server (/health, /ready)`,
        fix,
      };
    if (given !== undefined && Number(given) !== port)
      yield {
        span: whole,
        message: `the health check asks port ${given}, the server listens on ${port}`,
        fix,
        related: facts.assume.related("server.port"),
      };
  }
  if (tool !== undefined)
    yield {
      span,
      message: `the health check runs ${tool}, which the image does not contain`,
      fix,
      confidence: "likely",
    };
}

function* kubernetes(facts: Facts): Generator<Hit> {
  for (const workload of appWorkloads(facts)) {
    const container = appContainer(facts, workload);
    if (!container) continue;
    const ports = (yamlAt(container.node, "ports")?.items ?? []).map((item) => ({
      name: yamlText(yamlAt(item, "name")),
      number: yamlNumber(yamlAt(item, "containerPort")),
    }));
    for (const kind of ["startupProbe", "readinessProbe", "livenessProbe"]) {
      const get = yamlAt(container.node, kind, "httpGet");
      if (!get) continue;
      const path = yamlAt(get, "path");
      if (!HEALTH_PATHS.has(yamlText(path) ?? "/")) {
        yield {
          span: yamlEntrySpan(get, "path") ?? get,
          message: `${kind} asks ${yamlText(path) ?? "/"}, which is not a health route of the server (/health, /ready)`,
          fix: `Ask ${kind === "livenessProbe" ? "/health" : "/ready"}.`,
          ...(path ? { edits: [replace(path, kind === "livenessProbe" ? "/health" : "/ready")] } : {}),
        };
      }
      const scheme = yamlAt(get, "scheme");
      if ((yamlText(scheme) ?? "HTTP").toUpperCase() === "HTTPS")
        yield {
          span: yamlEntrySpan(get, "scheme") ?? get,
          message: `${kind} asks by HTTPS, the server speaks HTTP`,
          fix: "Delete `scheme`.",
        };
      const node = yamlAt(get, "port");
      const port = yamlNumber(node);
      const name = yamlText(node) ?? "";
      const known =
        ports.some((item) => item.name === name || item.number === port) ||
        (ports.length === 0 && port === facts.assume.number("server.port"));
      if (node && !known && (ports.length > 0 || port !== undefined)) {
        yield {
          span: yamlEntrySpan(get, "port") ?? get,
          message: `${kind} asks port ${name}, the container listens on ${ports.map((item) => item.name ?? item.number).join(", ") || facts.assume.number("server.port")}`,
          fix: "Use the name of the container port.",
        };
      }
      const host = yamlAt(get, "host");
      if (host)
        yield {
          span: yamlEntrySpan(get, "host") ?? host,
          message: `${kind} names a host: the kubelet asks ${yamlText(host)} instead of the pod`,
          fix: "Delete `host`.",
        };
    }
  }
}

function toolOf(words: string): string | undefined {
  return /(?:^|[\s|;&])(curl|wget)\s/.exec(` ${words} `)?.[1];
}

/** curl or wget that neither the base image nor a RUN line brings. */
function missingTool(words: string, file: DockerfileParse): string | undefined {
  const tool = toolOf(words);
  const stage = file.stages.at(-1);
  if (tool === undefined || !stage) return undefined;
  const installed = stage.instructions.some(
    (item) => item.name === "RUN" && new RegExp(`\\b(?:add|install)\\b[^;]*\\b${tool}\\b`).test(item.value),
  );
  if (installed) return undefined;
  const base = baseOf(file, stage).image;
  if (/alpine/.test(base)) return tool === "wget" ? undefined : tool; // busybox has wget
  return /slim|distroless|scratch|chiselled/.test(base) ? tool : undefined;
}

function textSpan(span: Span, text: string): Span | undefined {
  const at = span.source.text.slice(span.start, span.end).indexOf(text);
  return at === -1 ? undefined : { source: span.source, start: span.start + at, end: span.start + at + text.length };
}
