import type { Hit, Rule } from "../../types.ts";
import type { Assumptions } from "../../model/assume.ts";
import { arg, headSpan, inherited, nginxSizeBytes } from "../../model/nginx.ts";
import type { CaddyDirective } from "../../parse/caddyfile-tree.ts";
import type { CaddyPoint } from "../../model/caddy.ts";
import { caddyHead, caddyPathMatches, child, humanizeBytes, isMatcher, visit } from "../../model/caddy.ts";
import { yamlAt, yamlKey } from "../../parse/yaml.ts";
import { mayHoldMore } from "../../model/missing.ts";
import { addNginx, addYaml, insertLineBefore, replace } from "../kit/edits.ts";
import { ALL_ROUTES, samplePath } from "../../../shared/protocol.ts";
import type { RouteSpec } from "../../../shared/protocol.ts";
import { frontHits } from "../kit/fronts.ts";
import { caddyCarrying, caddyUploads, nginxCarrying, routesAt, UPLOADS } from "../kit/points.ts";
import { mebibytes } from "../kit/wording.ts";
import { annotation, appIngresses } from "../kit/kubernetes.ts";

export const rule: Rule = {
  id: "GA-STR-008",
  severity: "error",
  confidence: "certain",
  title: "The proxy's body limit differs from the server's",
  why: "A smaller limit at the proxy refuses files the server would take, with an HTML 413 no client expects; a larger one, or none, sends the server bodies it only refuses after the bandwidth is spent. The units differ: nginx `50m` is 52,428,800 bytes, Caddy `50MB` is 50,000,000; nginx without the directive allows 1 MiB, Caddy without one allows everything.",
  evidence: [
    "Tried: nginx `50m` takes exactly 52,428,800 bytes; under Caddy `50MB` an upload of 52,428,800 bytes fails.",
  ],
  reads: [
    "nginx",
    "caddyfile",
    "caddy-json",
    "kubernetes",
    "haproxy",
    "apache",
    "traefik",
    "cloudflared",
    "compose",
    "config",
  ],
  fixKind: "safe",
  *check(facts) {
    const { key, limit } = largestBody(facts.assume);
    const related = facts.assume.related(key);
    // A proxy with one limit for all routes may have either: films need the larger one, and not everyone sends films.
    const allowed = (routes: readonly RouteSpec[]): ReadonlySet<number> =>
      new Set([
        limit,
        ...routes.flatMap(({ bodyLimit }) => (bodyLimit ? [facts.assume.number("limits.asrBody")] : [])),
      ]);
    // A larger one is the server's to refuse.
    yield* frontHits(facts, "bodies", ({ bytes }) =>
      bytes >= limit || allowed(ALL_ROUTES).has(bytes) ? undefined : difference(bytes, key, limit),
    );
    for (const point of nginxCarrying(facts, ...UPLOADS)) {
      const directive = inherited(point.scope, "client_max_body_size");
      const bytes = directive ? nginxSizeBytes(arg(directive, 0)) : 2 ** 20;
      if (bytes === undefined || allowed(routesAt(point)).has(bytes)) continue;
      if (!directive && mayHoldMore(point.scope)) continue;
      const value = directive?.args[0];
      yield {
        span: headSpan(directive ?? point.pass),
        message: describe(
          directive ? `client_max_body_size ${arg(directive, 0)}` : "client_max_body_size is not set",
          bytes,
          key,
          limit,
        ),
        fix: `Write \`client_max_body_size ${limit};\`, the exact bytes of ${key}.`,
        edits: [value ? replace(value, String(limit)) : addNginx(point.pass, `client_max_body_size ${limit};`)],
        related,
        ...severityOf(bytes, limit),
        ...(!directive && !point.root.complete ? { confidence: "likely" as const } : {}),
      } satisfies Hit;
    }
    for (const point of caddyCarrying(facts, ...UPLOADS)) {
      const uploads = caddyUploads(point);
      const wrong = uploads.flatMap((route) => {
        const directive = bodyLimit(point, samplePath(route));
        const value = directive ? (child(directive, "max_size")?.args[0] ?? undefined) : undefined;
        const bytes = value ? humanizeBytes(value.value) : 0;
        return bytes === undefined || allowed([route]).has(bytes) ? [] : [{ value, bytes }];
      });
      // One finding, with the route that every proxy has first.
      const [first] = wrong;
      if (first === undefined) continue;
      const { value, bytes } = first;
      const json = point.file.source.path.endsWith(".json");
      yield {
        span: value ?? caddyHead(point.proxy),
        message: describe(
          value ? `request_body max_size ${value.value}` : "there is no request_body max_size",
          bytes,
          key,
          limit,
        ),
        fix: `Write \`request_body { max_size ${limit} }\`, the exact bytes of ${key}.`,
        edits: value
          ? [replace(value, String(limit))]
          : json
            ? []
            : [insertLineBefore(point.proxy.source, point.proxy.start, `request_body {\n\t\tmax_size ${limit}\n\t}`)],
        related,
        ...severityOf(bytes, limit),
      };
    }
    for (const ingress of appIngresses(facts)) {
      const name = "nginx.ingress.kubernetes.io/proxy-body-size";
      const found = annotation(ingress, name);
      const bytes = found ? nginxSizeBytes(found.text) : 2 ** 20;
      if (
        bytes === undefined ||
        allowed(ALL_ROUTES).has(bytes) ||
        !/nginx/.test(yamlAt(ingress.node, "spec", "ingressClassName")?.text ?? "nginx")
      )
        continue;
      const map = yamlAt(ingress.node, "metadata", "annotations");
      const add = map && !found ? addYaml(map, `${name}: "${limit}"`) : undefined;
      yield {
        span: found?.node ?? yamlKey(yamlAt(ingress.node, "metadata"), "annotations") ?? ingress.node,
        message: describe(found ? `${name}: "${found.text}"` : `${name} is not set`, bytes, key, limit),
        fix: `Set \`${name}: "${limit}"\`.`,
        edits: found ? [replace(found.node, `"${limit}"`)] : add ? [add] : [],
        related,
        ...severityOf(bytes, limit),
      };
    }
  },
};

/** Returns the largest body that a route takes, and the key that says so: recordings of jobs may be larger. */
function largestBody({ flag, number }: Assumptions): {
  readonly key: "limits.body" | "jobs.upload";
  readonly limit: number;
} {
  const body = number("limits.body");
  const job = flag("jobs.enabled") ? number("jobs.upload") : 0;
  return job > body ? { key: "jobs.upload", limit: job } : { key: "limits.body", limit: body };
}

/** The server refuses what is too large by itself: a proxy that lets more through costs bandwidth, no upload. */
function severityOf(bytes: number, limit: number): Pick<Hit, "severity"> {
  return bytes === 0 || bytes > limit ? { severity: "note" } : {};
}

function describe(what: string, bytes: number, key: string, limit: number): string {
  return `${what}: ${difference(bytes, key, limit)}`;
}

function difference(bytes: number, key: string, limit: number): string {
  const found = bytes === 0 ? "no limit" : `${bytes} bytes (${mebibytes(bytes)})`;
  const effect =
    bytes !== 0 && bytes < limit ? "larger files get the proxy's 413" : "bodies the server refuses are let through";
  return `${found}, but ${key} is ${limit} bytes (${mebibytes(limit)}): ${effect}`;
}

/** The request_body in force for a proxy: in its own chain of blocks, or at site level with a matcher that covers it. */
function bodyLimit(point: CaddyPoint, path: string): CaddyDirective | undefined {
  let found: CaddyDirective | undefined;
  const chain = new Set(point.around);
  visit(point.site.directives, [], (directive, around) => {
    if (directive.name !== "request_body" || !around.every((block) => chain.has(block))) return;
    const matcher = directive.args[0];
    if (matcher && isMatcher(matcher) && !covers(point, matcher.value, path)) return;
    found = directive;
  });
  return found;
}

/** Whether a matcher takes a path, as far as it speaks of paths in one line (`path …`, `not path …`); other conditions count as met. */
function covers(point: CaddyPoint, matcher: string, path: string): boolean {
  if (matcher.startsWith("/")) return caddyPathMatches(matcher, path);
  const words = point.site.directives.find(({ name }) => name === matcher)?.args.map(({ value }) => value) ?? [];
  const [first, ...patterns] = words[0] === "not" ? words.slice(1) : words;
  if (first !== "path") return true;
  return patterns.some((pattern) => caddyPathMatches(pattern, path)) !== (words[0] === "not");
}
