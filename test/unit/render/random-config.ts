import * as fc from "fast-check";
import type { ResolvedConfig } from "../../../src/config/types.ts";
import { configWith } from "./base-config.ts";

const seconds = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min: min * 1000, max: max * 1000 });
const label = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}[a-z0-9]$/).filter((text) => !text.includes("--"));
const domain = fc.tuple(label, label, fc.constantFrom("ru", "example", "internal")).map((parts) => parts.join("."));
const cidr = fc.constantFrom("10.0.0.0/8", "203.0.113.0/24", "172.20.0.0/16", "2001:db8::/32", "192.0.2.7/32");
const path = fc.constantFrom(
  "/health",
  "/ready",
  "/v1/models",
  "/v1/transcribe",
  "/v1/ws",
  "/ws",
  "/v1/transcribe/stream",
  "/",
);
const absolutePath = fc
  .array(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,12}$/), { minLength: 1, maxLength: 4 })
  .map((parts) => `/${parts.join("/")}`);

/** Any configuration that passes validation, over every key that a rendered file depends on. */
export const randomConfig: fc.Arbitrary<ResolvedConfig> = fc
  .record({
    server: fc.record({
      host: fc.constantFrom("127.0.0.1", "::1", "0.0.0.0", "::", "localhost"),
      port: fc.integer({ min: 1024, max: 65_535 }).filter((port) => ![8080, 8443].includes(port)),
      keepAliveTimeoutMs: seconds(31, 3594),
    }),
    limits: fc.record({
      bodyBytes: fc.integer({ min: 1024, max: 2 ** 32 }),
      minUploadKbps: fc.integer({ min: 8, max: 100_000 }),
      requestBudgetMs: seconds(1, 14_400),
    }),
    pool: fc.record({
      size: fc.integer({ min: 1, max: 64 }),
      checkoutTimeoutMs: seconds(0, 600),
      queue: fc.integer({ min: 0, max: 4000 }),
    }),
    session: fc.record({
      idleTimeoutMs: seconds(1, 3600),
      maxDurationMs: fc.oneof(fc.constant(0), seconds(1, 86_400)),
      pingIntervalMs: seconds(1, 30),
    }),
    rateLimit: fc.record({ perMinute: fc.integer({ min: 0, max: 60_000 }), burst: fc.integer({ min: 1, max: 1000 }) }),
    shutdown: fc.record({ drainMs: seconds(1, 600) }),
    model: fc.record({
      loadTimeoutMs: seconds(1, 3600),
      precision: fc.constantFrom("auto" as const, "int8" as const, "fp32" as const),
    }),
    console: fc.record({ enabled: fc.boolean() }),
    jobs: fc.record({ enabled: fc.boolean(), dir: fc.option(absolutePath, { nil: undefined }) }),
    archive: fc.record({
      enabled: fc.boolean(),
      shared: fc.constant(true),
      dir: fc.option(absolutePath, { nil: undefined }),
    }),
    deploy: fc.record({
      domain,
      httpsPort: fc.constantFrom(443, 8443),
      httpPort: fc.constantFrom(80, 8080),
      privacy: fc.constantFrom("strict" as const, "standard" as const),
      limiter: fc.constantFrom("server" as const, "proxy" as const),
      monitoring: fc.boolean(),
      sessionsPerClient: fc.integer({ min: 1, max: 128 }),
      publicPaths: fc.uniqueArray(path, { maxLength: 5 }),
      cdnCidrs: fc.uniqueArray(cidr, { maxLength: 2 }),
      secretsDir: absolutePath,
      tls: fc.record({
        mode: fc.constantFrom("acme" as const, "internal" as const, "files" as const, "none" as const),
        email: fc.option(
          domain.map((name) => `admin@${name}`),
          { nil: undefined },
        ),
        certificateFile: absolutePath,
        privateKeyFile: absolutePath,
        hsts: fc.constantFrom("off" as const, "trial" as const, "on" as const),
        clientCaFile: absolutePath,
      }),
      auth: fc.record({
        kind: fc.constantFrom(
          "none" as const,
          "basic" as const,
          "keys" as const,
          "forward" as const,
          "mtls" as const,
          "server" as const,
        ),
        forwardUrl: domain.map((name) => `https://${name}/check`),
        passKeys: fc.boolean(),
      }),
      proxy: fc.record({
        opensslVersion: fc.constantFrom("3.0", "3.5", "3.6.1"),
        configDir: fc.option(absolutePath, { nil: undefined }),
      }),
      compose: fc.record({
        publish: fc.constantFrom("none" as const, "loopback" as const),
        cpus: fc.constantFrom(undefined, 0.5, 2, 8),
        memoryBytes: fc.option(fc.integer({ min: 2 ** 28, max: 2 ** 36 }), { nil: undefined }),
        model: fc.constantFrom("baked" as const, "volume" as const),
        overlays: fc.subarray(["build" as const, "edge" as const, "redis" as const, "scale" as const]),
      }),
      kubernetes: fc.record({
        replicas: fc.integer({ min: 1, max: 5 }),
        maxReplicas: fc.integer({ min: 0, max: 9 }),
        minVersion: fc.constantFrom("1.30", "1.34", "1.37"),
        route: fc.constantFrom("gateway" as const, "ingress" as const, "none" as const),
        preStopMs: seconds(0, 120),
        model: fc.constantFrom("baked" as const, "pvc" as const, "init" as const),
        modelVolumeBytes: fc.integer({ min: 2 ** 26, max: 2 ** 34 }),
        monitoringNamespace: fc.option(label, { nil: undefined }),
        trustedCidrs: fc.uniqueArray(cidr, { minLength: 1, maxLength: 3 }),
        storeNetworks: fc.uniqueArray(cidr, { maxLength: 2 }),
        workerScaling: fc.constantFrom("fixed" as const, "hpa" as const, "keda" as const),
        workers: fc.integer({ min: 0, max: 4 }),
        maxWorkers: fc.integer({ min: 4, max: 50 }),
        workerSpeed: fc.constantFrom(0.1, 3.7, 120),
        workerWaitMs: seconds(1, 86_400),
        backupSchedule: fc.constantFrom(undefined, "17 3 * * *"),
      }),
      systemd: fc.record({
        socketActivation: fc.boolean(),
        notify: fc.boolean(),
        user: label,
        installDir: absolutePath,
      }),
      firewall: fc.record({
        kind: fc.constantFrom("nftables" as const, "ufw" as const),
        allowFrom: fc.uniqueArray(cidr, { maxLength: 3 }),
        docker: fc.boolean(),
      }),
    }),
    proxyVersion: fc.tuple(
      fc.constantFrom("auto", "2.6.2", "2.7.6", "2.8.4", "2.10.2", "2.11.4"),
      fc.constantFrom("auto", "1.22.1", "1.24.0", "1.25.1", "1.26.3", "1.28.0", "1.31.4"),
    ),
    kind: fc.constantFrom("caddy" as const, "nginx" as const, "none" as const),
  })
  .map(({ proxyVersion: [caddy, nginx], kind, deploy, ...rest }) => {
    const mtlsNeedsTls = deploy.auth.kind === "mtls" && deploy.tls.mode === "none";
    const version = kind === "nginx" ? nginx : caddy;
    const oldCaddy = kind === "caddy" && /^2\.[67]\./.test(version);
    const authKind = kind === "none" || mtlsNeedsTls ? "none" : deploy.auth.kind;
    // The overlay is for workers of jobs, which start from the image.
    const isScaled = deploy.compose.overlays.includes("scale");
    return configWith({
      ...rest,
      jobs: { ...rest.jobs, enabled: rest.jobs.enabled || isScaled },
      auth: { keys: authKind === "server" ? "required" : "off" },
      server: { ...rest.server, allowBindAny: true, headersTimeoutMs: rest.server.keepAliveTimeoutMs + 5000 },
      deploy: {
        ...deploy,
        cdnCidrs: oldCaddy ? [] : deploy.cdnCidrs,
        compose: { ...deploy.compose, model: isScaled ? "baked" : deploy.compose.model },
        auth: { ...deploy.auth, kind: authKind },
        proxy: { kind, version, opensslVersion: deploy.proxy.opensslVersion, configDir: deploy.proxy.configDir },
      },
    });
  });

/** The same for a cluster: what only a gateway can check becomes what the manifests can. */
export function forCluster(config: ResolvedConfig): ResolvedConfig {
  const { auth } = config.deploy;
  const kind = { none: "none", basic: "basic", keys: "keys", forward: "basic", mtls: "keys", server: "keys" } as const;
  return configWith({
    ...config,
    auth: { keys: "off" },
    // Pods share no files.
    jobs: {
      ...config.jobs,
      engine: "redis",
      redis: { ...config.jobs.redis, url: "rediss://queue.example:6380/0", passwordFile: "/etc/gigastt/redis" },
      blobs: "s3",
      s3: { ...config.jobs.s3, endpoint: "https://s3.example", accessKey: "gigastt", secretKeyFile: "/etc/gigastt/s3" },
    },
    archive: {
      ...config.archive,
      engine: "postgres",
      postgres: { ...config.archive.postgres, url: "postgres://gigastt@db.example/gigastt" },
    },
    deploy: { ...config.deploy, target: "kubernetes", auth: { ...auth, kind: kind[auth.kind] } },
  });
}

/** The same as the entry of a store: the server alone, which asks for keys. */
export function forStore(config: ResolvedConfig): ResolvedConfig {
  const { auth, proxy, compose } = config.deploy;
  const base = "https://git.example.com/anna/store";
  return configWith({
    ...config,
    auth: { keys: "required" },
    metrics: { enabled: false },
    deploy: {
      ...config.deploy,
      target: "compose",
      auth: { ...auth, kind: "server" },
      proxy: { ...proxy, kind: "none", version: "auto" },
      compose: { ...compose, memoryBytes: undefined },
      store: { repository: base, files: `${base}/raw/main` },
    },
  });
}
