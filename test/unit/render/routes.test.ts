import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { configSchema } from "../../../src/config/schema/schema.ts";
import { derive } from "../../../src/config/derived.ts";
import { renderFiles } from "../../../src/render/render.ts";
import type { RenderTarget } from "../../../src/render/render.ts";
import type { ResolvedConfig } from "../../../src/config/types.ts";
import { ALL_ROUTES, carries, samplePath } from "../../../src/shared/protocol.ts";
import type { RouteSpec } from "../../../src/shared/protocol.ts";
import { configWith } from "./base-config.ts";
import { parseCaddy, parseNginx } from "./parse-back.ts";
import type { NginxNode } from "./parse-back.ts";

// Every route of the table against every proxy file: a route that the renderer does not place fails here.

const source = { toolVersion: "0.0.0", configHash: "0".repeat(64) };
const streams = (route: RouteSpec): boolean => carries(route, "websocket", "sse");
/** Reached from outside: not kept closed, and no probe that only the machine itself asks. */
const isServed = (route: RouteSpec): boolean =>
  route.access !== "closed" && (route.traffic !== "probe" || route.access === "public");

function rendered(config: ResolvedConfig, target: RenderTarget, end: string): string {
  const files = renderFiles(config, [target], source).filter(({ path }) => path.endsWith(end));
  expect(files).not.toEqual([]);
  return files.map(({ text }) => text).join("\n---\n");
}

describe("nginx", () => {
  const config = configWith({
    deploy: { domain: "stt.example.com", auth: { kind: "keys" }, proxy: { kind: "nginx" } },
  });
  const locations = parseNginx(rendered(config, "nginx", "gigastt.conf"))
    .filter(({ name }) => name === "server")
    .flatMap(({ block }) => (block ?? []).filter(({ name }) => name === "location"));
  const taking = (path: string): NginxNode | undefined =>
    locations.find(({ args }) => args[0] === "=" && args[1] === path) ??
    locations.find(({ args }) => args[0] === "~" && new RegExp(args[1] ?? "").test(path)) ??
    locations.find(({ args }) => args[0] === "^~" && path.startsWith(args[1] ?? "")) ??
    locations.find(({ args, block }) => args[0] === "/" && block?.some(({ name }) => name === "include"));
  const has = (node: NginxNode | undefined, ...words: readonly string[]): boolean =>
    node?.block?.some(({ name, args }) => [name, ...args].join(" ") === words.join(" ")) ?? false;

  it.each(ALL_ROUTES)("$path goes through a location that fits its traffic", (route) => {
    const location = taking(samplePath(route));
    expect(has(location, "return", "404")).toBe(route.access === "closed");
    expect(location?.block?.some(({ name }) => name === "include")).toBe(route.access !== "closed");
    expect(has(location, "proxy_buffering", "off")).toBe(streams(route));
    const { streamTimeoutS, holdReadTimeoutS } = derive(config).proxy;
    const isHeld = route.isHeld === true;
    expect(has(location, "proxy_read_timeout", `${streamTimeoutS}s`)).toBe(streams(route) && !isHeld);
    expect(has(location, "proxy_read_timeout", `${holdReadTimeoutS}s`)).toBe(isHeld);
    const { asrBodyBytes } = derive(config).proxy;
    expect(has(location, "client_max_body_size", String(asrBodyBytes))).toBe(route.bodyLimit === "asrBody");
    expect(location?.block?.some(({ name }) => name === "limit_conn") ?? false).toBe(route.traffic === "websocket");
    expect(location?.block?.some(({ name }) => name === "if") ?? false).toBe(route.access === "protected");
  });
});

describe("Caddy", () => {
  const config = configWith({
    deploy: { domain: "stt.example.com", auth: { kind: "basic" }, proxy: { kind: "caddy" } },
  });
  const handles = parseCaddy(rendered(config, "caddy", "Caddyfile"))
    .filter(({ name }) => name === "stt.example.com")
    .flatMap(({ block }) => (block ?? []).filter(({ name }) => name === "handle"));

  it.each(ALL_ROUTES)("$path is public, protected or closed as the table says", (route) => {
    const handle = handles.find(({ args }) => {
      const pattern = args[0] ?? "*";
      return pattern.endsWith("*") ? samplePath(route).startsWith(pattern.slice(0, -1)) : pattern === samplePath(route);
    });
    const names = handle?.block?.map(({ name }) => name) ?? [];
    expect(names.includes("respond")).toBe(route.access === "closed");
    expect(names.some((name) => name.startsWith("basic"))).toBe(route.access === "protected");
  });
});

describe("Kubernetes", () => {
  const objects = (route: "gateway" | "ingress"): readonly Manifest[] =>
    parseAllDocuments(
      rendered(
        configWith({ deploy: { target: "kubernetes", domain: "stt.example.com", kubernetes: { route } } }),
        "kubernetes",
        ".yaml",
      ),
    ).map((document) => document.toJS() as Manifest); // the renderer's own object

  it.each(ALL_ROUTES)("$path is in a rule of the HTTPRoute with the time limit of its traffic", (route) => {
    const http = objects("gateway").find(({ kind, metadata }) => kind === "HTTPRoute" && metadata.name === "gigastt");
    const rules = (http?.spec.rules ?? []).filter(({ matches }) =>
      matches?.some(({ path }) => takes(path, samplePath(route))),
    );
    const exact = rules.find(({ matches }) =>
      matches?.some(({ path }) => path.type === "Exact" && path.value === route.path),
    );
    const rule = exact ?? rules[0];
    expect(rule !== undefined).toBe(isServed(route));
    // What shares the beginning of a stream with a parameter has its time limit.
    const below = ALL_ROUTES.filter(streams).flatMap(({ path }) => path.match(/^.*(?=\/\{)/) ?? []);
    const isUnlimited =
      streams(route) || below.some((prefix) => takes({ type: "PathPrefix", value: prefix }, samplePath(route)));
    if (rule !== undefined) expect(rule.timeouts?.request === "0s").toBe(isUnlimited);
  });

  it.each(ALL_ROUTES)("$path is in the Ingress when the outside may ask for it", (route) => {
    const ingress = objects("ingress").find(({ kind }) => kind === "Ingress");
    const paths = (ingress?.spec.rules?.[0]?.http?.paths ?? []).map(({ path, pathType }) => ({
      type: pathType,
      value: path,
    }));
    expect(paths.some((path) => takes(path, samplePath(route)))).toBe(isServed(route));
  });
});

interface PathMatch {
  readonly type: string;
  readonly value: string;
}

/** What is read of an HTTPRoute and an Ingress. */
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly rules?: readonly {
      readonly matches?: readonly { readonly path: PathMatch }[];
      readonly timeouts?: { readonly request: string };
      readonly http?: { readonly paths: readonly { readonly path: string; readonly pathType: string }[] };
    }[];
  };
}

it("deploy.publicPaths are by default the routes that the table calls public", () => {
  expect(configSchema.properties["deploy"]).toHaveProperty(
    "properties.publicPaths.default",
    ALL_ROUTES.filter(({ access }) => access === "public").map(({ path }) => path),
  );
});

function takes(match: PathMatch, path: string): boolean {
  if (match.type === "Exact") return match.value === path;
  return path === match.value || path.startsWith(match.value.replace(/\/?$/, "/"));
}
