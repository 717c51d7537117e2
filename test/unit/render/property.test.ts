import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import { parseBytes, parseDurationMs } from "../../../src/shared/units.ts";
import type { ResolvedConfig } from "../../../src/config/types.ts";
import { readHeader } from "../../../src/render/header.ts";
import { largestBodyBytes } from "../../../src/config/derived.ts";
import { PROXY_TARGETS, renderFiles, RENDER_TARGETS, type RenderTarget } from "../../../src/render/render.ts";
import { findAll, parseCaddy, parseNginx, parseUnit, seconds, type CaddyNode, type NginxNode } from "./parse-back.ts";
import { forCluster, forStore, randomConfig } from "./random-config.ts";
import { STORE_TARGETS } from "../../../src/render/store/store.ts";
import { fuzzRuns } from "../../support/fuzz.ts";

const RUNS = fuzzRuns(2000);
const source = { toolVersion: "0.0.0", configHash: "0".repeat(64) };
const ROUTES = [
  "/",
  "/health",
  "/ready",
  "/v1/models",
  "/v1/transcribe",
  "/v1/transcribe/stream",
  "/v1/ws",
  "/ws",
  "/anything/else",
];

describe("any valid configuration", () => {
  it(`renders for every target, parses back and keeps every invariant (${RUNS} random configurations)`, () => {
    fc.assert(
      fc.property(randomConfig, (config) => {
        const targets = RENDER_TARGETS.filter((target) =>
          isProxy(target) ? config.deploy.proxy.kind === target : isOfAny(target),
        );
        const cluster = forCluster(config);
        const files = new Map(
          [
            ...renderFiles(config, targets, source),
            ...renderFiles(cluster, ["kubernetes"], source),
            ...renderFiles(forStore(config), STORE_TARGETS, source),
          ].map(({ path, text }) => [path, text]),
        );
        for (const [path, text] of files) expect(readHeader(text).kind, path).toBe("intact");
        for (const dir of ["caddy", "compose/caddy"]) {
          const text = files.get(`${dir}/Caddyfile`);
          if (text !== undefined) checkCaddy(config, parseCaddy(text));
        }
        for (const dir of ["nginx", "compose/nginx"]) {
          const text = files.get(`${dir}/nginx.conf`);
          if (text === undefined) continue;
          const parts = new Map(
            ["gigastt.conf", "gigastt-proxy.inc"].map((name) => [name, files.get(`${dir}/${name}`)!]),
          );
          checkNginx(config, parseNginx(text, parts));
        }
        checkCompose(config, files);
        checkKubernetes(cluster, files);
        checkSystemd(config, files);
      }),
      RUNS,
    );
  }, 240_000);

  it("gives the same bytes twice", () => {
    fc.assert(
      fc.property(randomConfig, (config) => {
        const twice = [config, structuredClone(config)].map((one) => [
          ...renderFiles(one, ["compose", "systemd"], source),
          ...renderFiles(forCluster(one), ["kubernetes"], source),
        ]);
        expect(twice[1]).toEqual(twice[0]);
      }),
      { ...RUNS, numRuns: Math.min(50, RUNS.numRuns) },
    );
  });
});

// ---

const I = (config: ResolvedConfig): number => config.session.idleTimeoutMs / 1000;
const S = (config: ResolvedConfig): number => config.session.maxDurationMs / 1000;
const D = (config: ResolvedConfig): number => config.shutdown.drainMs / 1000;

function checkCaddy(config: ResolvedConfig, nodes: readonly CaddyNode[]): void {
  const globals = nodes.find(({ name }) => name === "")?.block ?? nodes[0]!.block!;
  const version = config.deploy.proxy.version;
  expect(seconds(only(globals, "grace_period").args[0])).toBeGreaterThanOrEqual(D(config) + 5);
  expect(only(globals, "admin").args[0]).toMatch(/^unix\//);
  const proxies = findAll(nodes, "reverse_proxy");
  expect(proxies.length).toBeGreaterThan(0);
  const cdn = config.deploy.cdnCidrs.length > 0;
  for (const proxy of proxies) {
    const up = findAll(proxy.block!, "header_up");
    const address = cdn ? "{client_ip}" : "{remote_host}";
    expect(up.filter(({ args }) => args[0] === "X-Forwarded-For").map(({ args }) => args[1])).toEqual([address]);
    expect(up.filter(({ args }) => args[0] === "X-Real-IP").map(({ args }) => args[1])).toEqual([address]);
    expect(up.some(({ args }) => args[0] === "-Forwarded")).toBe(true);
    const { kind, passKeys } = config.deploy.auth;
    const passes = kind === "server" || (kind === "keys" && passKeys);
    expect(up.some(({ args }) => args[0] === "-Authorization")).toBe(!passes);
    expect(findAll(proxy.block!, "stream_timeout")).toEqual([]);
    const delay = findAll(proxy.block!, "stream_close_delay");
    if (version.startsWith("2.6")) expect(delay).toEqual([]);
    else expect(seconds(delay[0]!.args[0])).toBeGreaterThan(S(config));
    expect(findAll(proxy.block!, "versions")).toEqual([]);
    expect(
      seconds(only(proxy.block!, "transport").block!.find(({ name }) => name === "keepalive")!.args[0]),
    ).toBeLessThan(config.server.keepAliveTimeoutMs / 1000);
  }
  // The authentication service decides by the address too.
  for (const gate of findAll(nodes, "forward_auth"))
    expect(
      findAll(gate.block!, "header_up")
        .filter(({ args }) => args[0] === "X-Forwarded-For")
        .map(({ args }) => args[1]),
    ).toEqual([cdn ? "{client_ip}" : "{remote_host}"]);
  expect(findAll(globals, "trusted_proxies_strict").length).toBe(cdn ? 1 : 0);
  expect(findAll(nodes, "encode")).toEqual([]);
  const site = nodes.find(({ block }) => block !== undefined && findAll(block, "reverse_proxy").length > 0)!;
  const limits = findAll(site.block!, "request_body").map(({ args, block }) => [args[0], Number(block![0]!.args[0])]);
  expect(limits).toEqual([
    ["@films", config.limits.asrBodyBytes],
    ["@others", largestBodyBytes(config)],
  ]);
  if (config.deploy.tls.mode === "none") expect(site.name).toMatch(/^http:\/\//);
  for (const route of ROUTES) {
    const handle =
      site.block!.find(({ name, args }) => name === "handle" && args[0] === route) ??
      site.block!.find(({ name, args }) => name === "handle" && args.length === 0)!;
    expect(isPublic(config, route) || isGuardedCaddy(config, site, handle), route).toBe(true);
  }
  const metrics = site.block!.find(({ name, args }) => name === "handle" && args[0] === "/metrics*")!;
  expect(findAll(metrics.block!, "reverse_proxy")).toEqual([]);
}

function isGuardedCaddy(config: ResolvedConfig, site: CaddyNode, handle: CaddyNode): boolean {
  const has = (name: string): boolean => handle.block!.some((node) => node.name === name);
  switch (config.deploy.auth.kind) {
    case "none":
    case "server":
      return true;
    case "basic":
      return has("basic_auth") || has("basicauth");
    case "keys":
      return (
        handle.block!.some(({ name, args }) => name === "error" && args.join(" ") === "@nokey 401") &&
        site.block!.some(({ name }) => name === "map")
      );
    case "forward":
      return has("forward_auth");
    case "mtls": {
      const mode = findAll(site.block!, "mode")[0]?.args[0];
      return (
        mode === "require_and_verify" ||
        (mode === "verify_if_given" &&
          handle.block!.some(({ name, args }) => name === "error" && args.join(" ") === "@nocertificate 403"))
      );
    }
  }
}

function checkNginx(config: ResolvedConfig, nodes: readonly NginxNode[]): void {
  expect(seconds(only(nodes, "worker_shutdown_timeout").args[0])).toBeGreaterThan(S(config));
  const servers = findAll(nodes, "server").filter(({ block }) => block !== undefined);
  const main = servers.find(({ block }) => findAll(block!, "proxy_pass").length > 0)!;
  expect(Number(only(main.block!, "client_max_body_size").args[0])).toBe(largestBodyBytes(config));
  const serverValue = (name: string): string | undefined => main.block!.find((node) => node.name === name)?.args[0];
  const locations = main.block!.filter(({ name }) => name === "location");
  for (const location of locations) {
    const pass = location.block!.find(({ name }) => name === "proxy_pass");
    if (pass === undefined) continue;
    const headers = location.block!.filter(({ name }) => name === "proxy_set_header").map(({ args }) => args);
    expect(headers.filter(([name]) => name === "X-Forwarded-For")).toEqual([["X-Forwarded-For", "$remote_addr"]]);
    expect(headers.filter(([name]) => name === "Forwarded")).toEqual([["Forwarded", ""]]);
    expect(location.block!.filter(({ name }) => name === "add_header")).toEqual([]);
    if (location.args.includes("/__gigastt_auth")) continue;
    expect(headers.filter(([name]) => name === "X-Real-IP")).toEqual([["X-Real-IP", "$remote_addr"]]);
    const value = (name: string): string | undefined =>
      location.block!.find((node) => node.name === name)?.args[0] ?? serverValue(name);
    const path = location.args.at(-1)!;
    const health = path === "/health" || path === "/ready";
    if (!health) expect(seconds(value("proxy_read_timeout")), path).toBeGreaterThan(I(config));
    expect(seconds(value("proxy_send_timeout")), path).toBeGreaterThan(I(config));
    if (path === "/" || path === "/v1/transcribe") {
      expect(seconds(value("proxy_read_timeout"))).toBeGreaterThanOrEqual(
        (config.pool.checkoutTimeoutMs + config.limits.requestBudgetMs) / 1000,
      );
    }
    if (config.deploy.privacy === "strict") expect(value("proxy_request_buffering")).toBe("off");
    if (path === "/v1/ws" || path === "/ws") {
      expect(
        Number(
          value("limit_conn") === undefined ? 0 : location.block!.find(({ name }) => name === "limit_conn")!.args[1],
        ),
      ).toBeLessThanOrEqual(config.pool.size);
      expect(headers.some(([name, header]) => name === "Connection" && header === "$gigastt_connection")).toBe(true);
    }
  }
  const keepalive = findAll(nodes, "upstream").flatMap(({ block }) =>
    block!.filter(({ name }) => name === "keepalive_timeout"),
  );
  for (const node of keepalive) expect(seconds(node.args[0])).toBeLessThan(config.server.keepAliveTimeoutMs / 1000);
  for (const route of ROUTES)
    expect(isPublic(config, route) || isGuardedNginx(config, main, locationOf(locations, route)), route).toBe(true);
  expect(locationOf(locations, "/metrics").block!.map(({ name }) => name)).toEqual(["return"]);
  for (const redirect of findAll(
    servers.filter((server) => server !== main),
    "return",
  )) {
    expect(
      redirect.args[0] === "444" ||
        (redirect.args[0] === "308" && redirect.args[1]!.startsWith(`https://${config.deploy.domain}`)),
    ).toBe(true);
  }
  for (const header of main.block!.filter(({ name }) => name === "add_header"))
    expect(header.args.at(-1)).toBe("always");
}

function locationOf(locations: readonly NginxNode[], route: string): NginxNode {
  return (
    locations.find(({ args }) => args[0] === "=" && args[1] === route) ??
    locations.find(({ args }) => args[0] === "^~" && route.startsWith(args[1]!)) ??
    locations.find(({ args }) => args[0] === "/")!
  );
}

function isGuardedNginx(config: ResolvedConfig, server: NginxNode, location: NginxNode): boolean {
  const refuses = (condition: string): boolean =>
    location.block!.some(
      ({ name, args, block }) => name === "if" && args.join(" ") === condition && block![0]!.name === "return",
    );
  const value = (name: string): string | undefined =>
    (location.block!.find((node) => node.name === name) ?? server.block!.find((node) => node.name === name))?.args[0];
  switch (config.deploy.auth.kind) {
    case "none":
    case "server":
      return true;
    case "basic":
      return value("auth_basic") === "gigastt" && value("auth_basic_user_file") !== undefined;
    case "forward":
      return value("auth_request") === "/__gigastt_auth";
    case "keys":
      return refuses("($gigastt_client =  )");
    case "mtls":
      return (
        value("ssl_verify_client") === "on" ||
        (value("ssl_verify_client") === "optional" && refuses("($ssl_client_verify != SUCCESS)"))
      );
  }
}

function isPublic(config: ResolvedConfig, route: string): boolean {
  return config.deploy.publicPaths.includes(route);
}

function checkServerConfig(config: ResolvedConfig, text: string): void {
  const server = parseYaml(text);
  expect(parseBytes(server.limits.body)).toBe(config.limits.bodyBytes);
  expect(parseDurationMs(String(server.shutdown.drain))).toBe(config.shutdown.drainMs);
  expect(parseDurationMs(String(server.session.idleTimeout))).toBe(config.session.idleTimeoutMs);
  expect(parseDurationMs(String(server.server.keepAliveTimeout))).toBeGreaterThan(30_000);
  expect(server.server.host).toBe("0.0.0.0");
  expect(server.deploy).toBeUndefined();
}

/** Compose joins a service's lists over its files and refuses an entry that then stands there twice. */
function checkNoListTwice(files: ReadonlyMap<string, string>): void {
  const seen = new Set<string>();
  for (const [name, text] of files) {
    if (!/^compose\/compose[.\w]*\.yaml$/.test(name)) continue;
    for (const [service, keys] of Object.entries<Record<string, unknown>>(parseYaml(text).services)) {
      for (const [key, list] of Object.entries(keys)) {
        for (const item of Array.isArray(list) && key !== "command" && key !== "entrypoint" ? list : []) {
          const entry = `${service}.${key}: ${JSON.stringify(item)}`;
          expect(seen.has(entry), `${entry} again in ${name}`).toBe(false);
          seen.add(entry);
        }
      }
    }
  }
}

function checkCompose(config: ResolvedConfig, files: ReadonlyMap<string, string>): void {
  checkNoListTwice(files);
  const base = parseYaml(files.get("compose/compose.yaml")!);
  const app = base.services.gigastt;
  expect(seconds(app.stop_grace_period)).toBeGreaterThanOrEqual(D(config) + 5);
  expect(app.read_only).toBe(true);
  const tmp = /^\/tmp:mode=1777,size=(\d+)m$/.exec(app.tmpfs[0])!;
  expect(Number(tmp[1]) * 2 ** 20).toBeGreaterThanOrEqual(config.limits.bodyBytes * config.pool.size);
  for (const port of app.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  expect(app.user).toBe("10001:10001");
  expect(seconds(app.healthcheck.start_period)).toBeGreaterThanOrEqual(Math.floor(config.model.loadTimeoutMs / 1000));
  const text = files.get("compose/gigastt.config.yaml")!;
  checkServerConfig(config, text);
  const server = parseYaml(text).server;
  const kind = config.deploy.proxy.kind;
  expect(server.trustedProxies).toEqual(
    kind === "none" ? [] : [config.deploy.compose.subnet, config.deploy.compose.subnet6],
  );
  if (kind !== "caddy" && kind !== "nginx") return;
  const scheme = config.deploy.tls.mode === "none" ? "http" : "https";
  expect(
    server.allowedOrigins.some(
      (origin: string) => new URL(origin).hostname === config.deploy.domain && origin.startsWith(`${scheme}:`),
    ),
  ).toBe(true);
  const proxy = parseYaml(files.get(`compose/compose.${kind}.yaml`)!).services.proxy;
  expect(seconds(proxy.stop_grace_period)).toBeGreaterThanOrEqual(D(config) + 5);
  expect(proxy.depends_on.gigastt.condition).toBe("service_healthy");
  expect(proxy.read_only).toBe(true);
  // Whatever the proxy writes to lies in a tmpfs or in a volume that is not read-only.
  const writable = [
    ...proxy.tmpfs.map((mount: string) => mount.split(":")[0]!),
    ...proxy.volumes
      .map((mount: unknown) => (typeof mount === "string" ? volume(mount) : mount))
      .filter(({ read_only }: { read_only?: boolean }) => read_only !== true)
      .map(({ target }: { target: string }) => target),
  ];
  for (const path of writtenBy(kind, files))
    expect(
      writable.some((mount) => path === mount || path.startsWith(`${mount}/`)),
      `${path} in ${writable.join(" ")}`,
    ).toBe(true);
}

function isProxy(target: RenderTarget): boolean {
  return PROXY_TARGETS.some((name) => name === target);
}

function volume(short: string): { readonly target: string; readonly read_only: boolean } {
  const [, target = "", mode] = short.split(":");
  return { target, read_only: mode === "ro" };
}

/** Paths a proxy in a container writes to, from its own file and from what its image does. */
function writtenBy(kind: "caddy" | "nginx", files: ReadonlyMap<string, string>): readonly string[] {
  if (kind === "caddy") {
    const socket = /admin unix\/(\S+)/.exec(files.get("compose/caddy/Caddyfile")!)![1]!;
    return [socket, "/data/caddy", "/config/caddy"];
  }
  return [...files.get("compose/nginx/nginx.conf")!.matchAll(/(?:_temp_path|pid) (\S+);/g)].map(([, path]) => path!);
}

function checkKubernetes(config: ResolvedConfig, files: ReadonlyMap<string, string>): void {
  const k8s = config.deploy.kubernetes;
  const read = (name: string) => parseYaml(files.get(`kubernetes/${name}.yaml`)!); // any: untyped YAML
  for (const name of read("kustomization").resources) expect(files.has(`kubernetes/${name}`), name).toBe(true);
  const spec = read("deployment").spec;
  const pod = spec.template.spec;
  const container = pod.containers[0];
  const preStopS = container.lifecycle.preStop.sleep.seconds;
  expect(preStopS).toBeGreaterThanOrEqual(k8s.preStopMs / 1000);
  expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(preStopS + D(config) + 5);
  const startupS = container.startupProbe.periodSeconds * container.startupProbe.failureThreshold;
  expect(startupS).toBeGreaterThanOrEqual(config.model.loadTimeoutMs / 1000);
  expect(spec.progressDeadlineSeconds).toBeGreaterThan(startupS);
  expect(container.securityContext.readOnlyRootFilesystem).toBe(true);
  expect(container.volumeMounts.some((mount: { mountPath: string }) => mount.mountPath === "/tmp")).toBe(true);
  const tmp = pod.volumes.find((volume: { name: string }) => volume.name === "tmp").emptyDir.sizeLimit as string;
  expect(binaryBytes(tmp)).toBeGreaterThanOrEqual(config.limits.bodyBytes * config.pool.size);
  expect(spec.replicas === undefined).toBe(files.has("kubernetes/horizontalpodautoscaler.yaml"));
  checkWorkers(config, files);
  const data = read("configmap").data;
  checkServerConfig(config, data["gigastt.config.yaml"]);
  if (k8s.route !== "none") {
    const { hostname } = new URL(`https://${config.deploy.domain}`);
    const { allowedOrigins } = parseYaml(data["gigastt.config.yaml"]).server;
    expect(allowedOrigins.some((origin: string) => new URL(origin).hostname === hostname)).toBe(true);
  }
  checkGate(config, data["Caddyfile"], pod, [read("service"), read("networkpolicy")]);
  if (k8s.route === "gateway") {
    const rules = read("httproute").spec.rules;
    expect(rules[0].timeouts).toEqual({ request: "0s", backendRequest: "0s" });
    expect(seconds(rules[1].timeouts.request)).toBeGreaterThan(
      (config.pool.checkoutTimeoutMs + config.limits.requestBudgetMs) / 1000,
    );
    for (const rule of rules) for (const { path } of rule.matches) expect(path.value).not.toMatch(/^\/metrics/);
  }
  if (k8s.route === "ingress") {
    const annotations = read("ingress").metadata.annotations;
    expect(annotations["nginx.ingress.kubernetes.io/proxy-body-size"]).toBe(
      String(Math.max(largestBodyBytes(config), config.limits.asrBodyBytes)),
    );
    expect(Number(annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"])).toBeGreaterThan(I(config));
  }
}

/** Jobs are run by pods of their own, which nobody connects to, and which have the time to hand their jobs back. */
function checkWorkers(config: ResolvedConfig, files: ReadonlyMap<string, string>): void {
  const text = files.get("kubernetes/deployment-worker.yaml");
  expect(text !== undefined).toBe(config.jobs.enabled);
  if (text === undefined) return;
  const { spec } = parseYaml(text); // any: untyped YAML
  const server = parseYaml(files.get("kubernetes/deployment.yaml")!).spec;
  const service = parseYaml(files.get("kubernetes/service.yaml")!).spec;
  const roleOf = (pod: typeof spec): string =>
    pod.template.spec.containers[0].env.find(({ name }: { name: string }) => name === "GIGASTT_JOBS_ROLE").value;
  expect([roleOf(server), roleOf(spec)]).toEqual(["api", "worker"]);
  expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
  for (const selector of [service.selector, server.selector.matchLabels])
    expect(selector["app.kubernetes.io/component"]).not.toBe(
      spec.template.metadata.labels["app.kubernetes.io/component"],
    );
  expect(spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(D(config) + 5);
  const { workerScaling } = config.deploy.kubernetes;
  expect([
    spec.replicas !== undefined,
    files.has("kubernetes/horizontalpodautoscaler-worker.yaml"),
    files.has("kubernetes/scaledobject-worker.yaml"),
  ]).toEqual(["fixed", "hpa", "keda"].map((name) => name === workerScaling));
}

/** Users and keys are asked for in the pod, and nothing from outside gets past the gate; ingress-nginx asks for users itself. */
function checkGate(
  config: ResolvedConfig,
  text: string | undefined,
  pod: ReturnType<typeof parseYaml>,
  [service, policy]: readonly ReturnType<typeof parseYaml>[],
): void {
  const { auth, kubernetes: k8s } = config.deploy;
  const gated = auth.kind === "keys" || (auth.kind === "basic" && k8s.route !== "ingress");
  expect(text !== undefined).toBe(gated);
  const port = gated ? "gate" : "http";
  expect(service.spec.ports[0].targetPort).toBe(port);
  expect(policy.spec.ingress[0].ports).toEqual([{ protocol: "TCP", port }]);
  const gate = (pod.initContainers ?? []).find(({ name }: { name: string }) => name === "gate");
  expect(gate !== undefined).toBe(gated);
  if (text === undefined) return;
  expect(gate.restartPolicy).toBe("Always");
  const mounts = gate.volumeMounts.filter(({ readOnly }: { readOnly?: boolean }) => readOnly !== true);
  expect(mounts.map(({ mountPath }: { mountPath: string }) => mountPath)).toEqual([
    /admin unix\/(\S+)\/admin\.sock/.exec(text)![1],
  ]);
  for (const { value } of gate.env) expect(value).toBe(mounts[0].mountPath);
  expect(gate.securityContext.readOnlyRootFilesystem).toBe(true);
  const inside = { ...config.deploy, tls: { ...config.deploy.tls, mode: "none" as const }, cdnCidrs: k8s.trustedCidrs };
  const proxy = { ...inside.proxy, kind: "caddy" as const, version: "auto" };
  checkCaddy({ ...config, deploy: { ...inside, proxy } }, parseCaddy(text));
}

function checkSystemd(config: ResolvedConfig, files: ReadonlyMap<string, string>): void {
  const unit = parseUnit(files.get("systemd/gigastt.service")!);
  expect(Number(unit.get("Service.TimeoutStopSec")![0])).toBeGreaterThanOrEqual(D(config) + 5);
  expect(unit.get("Service.KillMode")).toEqual(["mixed"]);
  expect(unit.get("Service.CapabilityBoundingSet")).toEqual([]);
  // With a read-only system only these are left to write to.
  expect(unit.get("Service.ProtectSystem")).toEqual(["strict"]);
  for (const folder of ["StateDirectory", "CacheDirectory"]) expect(unit.get(`Service.${folder}`)).toEqual(["gigastt"]);
  expect(unit.get("Service.PrivateTmp")).toEqual(["yes"]);
  expect(unit.has("Service.MemoryDenyWriteExecute")).toBe(false);
  expect(unit.has("Service.ProcSubset")).toBe(false);
  const { kind } = config.deploy.proxy;
  if (kind === "none") return;
  const dropIn = parseUnit(files.get(`systemd/${kind}.service.d/gigastt.conf`)!);
  expect(Number(dropIn.get("Service.TimeoutStopSec")![0])).toBeGreaterThanOrEqual(D(config) + 5);
}

function only<T extends { readonly name: string }>(nodes: readonly T[], name: string): T {
  const found = nodes.filter((node) => node.name === name);
  expect(found, name).toHaveLength(1);
  return found[0]!;
}

/** Bytes of `129Gi` or `512Mi`. */
function binaryBytes(quantity: string): number {
  const [, number = "", unit = ""] = /^(\d+)(Ki|Mi|Gi|Ti)$/.exec(quantity) ?? [];
  return Number(number) * 1024 ** (["Ki", "Mi", "Gi", "Ti"].indexOf(unit) + 1);
}

/** Any configuration renders for it; a cluster and the stores need a configuration of their own. */
function isOfAny(target: RenderTarget): boolean {
  return target !== "kubernetes" && !STORE_TARGETS.some((store) => store === target);
}
