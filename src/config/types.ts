/**
 * The resolved configuration: frozen, complete, every duration in `…Ms` and every size in `…Bytes`.
 * In YAML the same keys carry typed strings and no unit suffix (`idleTimeout: 300s`, `body: 50MiB`);
 * the schema marks each such leaf, and the resolver adds the suffix. Per-key docs live in the schema (`gigastt config explain KEY`).
 */
export interface ResolvedConfig {
  readonly server: ServerConfig;
  readonly limits: LimitsConfig;
  readonly pool: PoolConfig;
  readonly session: SessionConfig;
  readonly rateLimit: RateLimitConfig;
  readonly shutdown: ShutdownConfig;
  readonly model: ModelConfig;
  readonly engine: EngineConfig;
  readonly stream: StreamConfig;
  readonly metrics: MetricsConfig;
  readonly log: LogConfig;
  readonly supervisor: SupervisorConfig;
  readonly deploy: DeployConfig;
  readonly audit: AuditConfig;
}

export interface ServerConfig {
  readonly host: string;
  readonly port: number;
  /** A host other than loopback is refused without it. */
  readonly allowBindAny: boolean;
  /** Home-network convenience: listhen with a self-signed certificate and a QR code. Never in containers. */
  readonly lan: boolean;
  /** CIDRs of proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** Browser origins besides loopback, e.g. `https://stt.example.com`. */
  readonly allowedOrigins: readonly string[];
  readonly corsAllowAny: boolean;
  readonly keepAliveTimeoutMs: number;
  readonly headersTimeoutMs: number;
}

export interface LimitsConfig {
  readonly bodyBytes: number;
  /** Slowest upload that is still waited for, kilobit per second. */
  readonly minUploadKbps: number;
  readonly maxAudioDurationMs: number;
  /** Longest one REST transcription may take once admitted. */
  readonly requestBudgetMs: number;
  readonly wsFrameBytes: number;
  /** Outgoing bytes a WebSocket client may leave unread before it is closed with 1008. */
  readonly wsOutgoingBytes: number;
  /** Audio buffered ahead of inference before the socket is paused. */
  readonly bufferedAudioMs: number;
}

export interface PoolConfig {
  /** Concurrent sessions: WebSocket sessions and running transcriptions together. */
  readonly size: number;
  readonly checkoutTimeoutMs: number;
  /** Length of the waiting line behind the pool. */
  readonly queue: number;
}

export interface SessionConfig {
  readonly idleTimeoutMs: number;
  /** 0 = never. */
  readonly maxDurationMs: number;
  readonly pingIntervalMs: number;
}

export interface RateLimitConfig {
  /** Tokens per minute and client address; 0 = off. */
  readonly perMinute: number;
  readonly burst: number;
}

export interface ShutdownConfig {
  readonly drainMs: number;
}

export interface ModelConfig {
  /** `auto`, or an id from models/registry.json. */
  readonly id: string;
  readonly precision: "auto" | "int8" | "fp32";
  /** Where downloaded models live; undefined = the user's data directory. */
  readonly dir: string | undefined;
  /** Base URL that replaces the registry's own for downloads. */
  readonly mirror: string | undefined;
  readonly offline: boolean;
  readonly loadTimeoutMs: number;
  /** Weights leave memory after this long without work; 0 = never. */
  readonly idleUnloadMs: number;
}

export interface EngineConfig {
  /** `fake` answers deterministic text without a model; for tests of clients and deployments. */
  readonly kind: "onnx" | "fake";
  /** Inference workers; `auto` = from cores, CPU quota and memory. */
  readonly workers: number | "auto";
  /** ONNX intra-op threads per worker. */
  readonly threads: number | "auto";
  readonly maxSymbolsPerFrame: number;
}

export interface StreamConfig {
  readonly endpoint: EndpointMode;
  readonly minSilenceMs: number;
  readonly commitPolicy: CommitPolicy;
  /** Bounds of the adaptive interval between partials of one utterance. */
  readonly partialIntervalMinMs: number;
  readonly partialIntervalMaxMs: number;
}

export type EndpointMode = "auto" | "assistant" | "manual";
export type CommitPolicy = "auto" | "on_finalize" | "stable_prefix";

export interface MetricsConfig {
  readonly enabled: boolean;
}

export interface LogConfig {
  readonly level: LogLevel;
}

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal";

export interface SupervisorConfig {
  /** undefined = `$XDG_STATE_HOME/gigastt`. */
  readonly stateDir: string | undefined;
  /** Time a started runtime has until `/ready` answers, besides the model's load timeout. */
  readonly startTimeoutMs: number;
  readonly healthIntervalMs: number;
  readonly healthTimeoutMs: number;
  readonly restartDelayMinMs: number;
  readonly restartDelayMaxMs: number;
  /** This many restarts within `crashWindow` end in the crash-loop state. */
  readonly crashLimit: number;
  readonly crashWindowMs: number;
  /** Apply a changed configuration file by itself. */
  readonly watchConfig: boolean;
  /** A runtime above it is replaced in order; undefined = no ceiling. */
  readonly memoryLimitBytes: number | undefined;
  /** Rotation of each log file. */
  readonly logFileSizeBytes: number;
  readonly logFiles: number;
  /** Gets events as JSON by POST. */
  readonly webhook: string | undefined;
  /** Program and arguments run for the same events; empty = none. */
  readonly eventCommand: readonly string[];
  /** Where events and samples are kept. */
  readonly history: "files" | "redis";
  readonly proxy: ManagedProxyConfig;
  readonly redis: RedisConfig;
}

/** The proxy of `deploy.proxy.kind` as a child of the supervisor. */
export interface ManagedProxyConfig {
  readonly managed: boolean;
  /** undefined = found by name. */
  readonly binary: string | undefined;
}

/** A Redis: a child of the supervisor, or one that runs elsewhere. */
export interface RedisConfig {
  readonly managed: boolean;
  /** undefined = found by name. */
  readonly binary: string | undefined;
  /** `maxmemory` of the managed one. */
  readonly memoryBytes: number;
  /** Of one that runs elsewhere: redis://, rediss:// or a socket file. May carry a password. */
  readonly url: string | undefined;
}

/** Where and how the service is deployed: everything `gigastt render` turns into proxy files, manifests and units. */
export interface DeployConfig {
  /** Where the appliance itself runs. */
  readonly target: DeployTarget;
  /** Public host name. undefined = no public name: no TLS, no Host check, only a LAN or loopback address. */
  readonly domain: string | undefined;
  /** Public HTTPS port of the proxy. */
  readonly httpsPort: number;
  /** Public HTTP port of the proxy: redirect and ACME, or the service itself when `tls.mode` is `none`. */
  readonly httpPort: number;
  /** A browser console is served: the microphone and same-origin scripts are allowed in the security headers. */
  readonly console: boolean;
  /** `strict`: audio never touches the proxy's disk. */
  readonly privacy: "strict" | "standard";
  /** Which side keeps the request rate: the server (default), or the proxy as well (nginx only). */
  readonly limiter: "server" | "proxy";
  /** Concurrent WebSocket sessions per client address at the proxy (nginx); never above `pool.size`. */
  readonly sessionsPerClient: number;
  /** Routes (exact paths) that need no authentication. */
  readonly publicPaths: readonly string[];
  /** Address ranges of a CDN or load balancer in front of the proxy. Empty = clients connect directly. */
  readonly cdnCidrs: readonly string[];
  /** Folder with the files of `gigastt secrets`, as the proxy on the host sees it. */
  readonly secretsDir: string;
  readonly tls: DeployTlsConfig;
  readonly auth: DeployAuthConfig;
  readonly proxy: DeployProxyConfig;
  readonly images: DeployImagesConfig;
  readonly compose: DeployComposeConfig;
  readonly kubernetes: DeployKubernetesConfig;
  readonly systemd: DeploySystemdConfig;
  readonly firewall: DeployFirewallConfig;
}

export type DeployTarget = "host" | "compose" | "kubernetes";

export interface DeployTlsConfig {
  /** `acme`: Let's Encrypt; `internal`: the proxy's own CA (Caddy) or the files of `gigastt certs` (nginx); `files`: given files; `none`: plain HTTP for a LAN. */
  readonly mode: "acme" | "internal" | "files" | "none";
  /** Contact address for ACME. */
  readonly email: string | undefined;
  /** PEM chain and key, read by the proxy. Used by `files`, and by nginx with `internal`. */
  readonly certificateFile: string;
  readonly privateKeyFile: string;
  /** `trial` = 300 s, `on` = two years. */
  readonly hsts: "off" | "trial" | "on";
  /** CA of the client certificates (`auth.kind: mtls`). */
  readonly clientCaFile: string;
}

export interface DeployAuthConfig {
  /** Who may use the service, checked by the proxy. */
  readonly kind: "none" | "basic" | "keys" | "forward" | "mtls";
  /** `forward`: URL of the authentication service's check, e.g. `http://127.0.0.1:9091/api/verify`. */
  readonly forwardUrl: string | undefined;
  /** `keys`: also hand the client's `Authorization` header on to the server. */
  readonly passKeys: boolean;
}

export interface DeployProxyConfig {
  readonly kind: "none" | "caddy" | "nginx";
  /** Version of the binary that reads the file, e.g. `2.11.4` or `1.22.1`; `auto` = the newest known. */
  readonly version: string;
  /** Version of the OpenSSL nginx is linked with: 3.5 and newer know X25519MLKEM768. */
  readonly opensslVersion: string;
  /** Folder of the proxy's configuration on the host; undefined = `/etc/caddy` or `/etc/nginx`. */
  readonly configDir: string | undefined;
}

/** Image references, tag or digest, e.g. `caddy:2.11.4@sha256:…`. */
export interface DeployImagesConfig {
  readonly app: string;
  readonly caddy: string;
  readonly nginx: string;
  readonly redis: string;
  /** Base images of the Dockerfile. */
  readonly nodeBuild: string;
  readonly nodeRuntime: string;
}

export interface DeployComposeConfig {
  readonly project: string;
  /** Address ranges of the project's network: the server trusts the proxy by them. */
  readonly subnet: string;
  readonly subnet6: string;
  /** `loopback` publishes the server on 127.0.0.1 for a proxy on the host; `none` leaves it unpublished. */
  readonly publish: "none" | "loopback";
  /** undefined = every core of the machine. */
  readonly cpus: number | undefined;
  /** undefined = computed from the model and the pool. */
  readonly memoryBytes: number | undefined;
  readonly pids: number;
  readonly model: "baked" | "volume";
  /** Extra overlay files to render. */
  readonly overlays: readonly ComposeOverlay[];
}

export type ComposeOverlay = "build" | "edge" | "redis";

export interface DeployKubernetesConfig {
  readonly namespace: string;
  readonly replicas: number;
  /** Oldest cluster version the manifests must work on. */
  readonly minVersion: string;
  readonly route: "gateway" | "ingress" | "none";
  readonly gatewayName: string;
  readonly gatewayNamespace: string;
  readonly ingressClass: string;
  /** Address ranges the gateway's pods connect from. */
  readonly trustedCidrs: readonly string[];
  readonly monitoringNamespace: string | undefined;
  readonly preStopMs: number;
  readonly model: "baked" | "pvc" | "init";
  readonly modelVolumeBytes: number;
  readonly storageClass: string | undefined;
  /** Image whose `/models` is copied by the init container (`model: init`). */
  readonly modelImage: string;
  readonly cpuRequest: number;
  readonly memoryBytes: number | undefined;
  /** 0 = no autoscaler; else the upper bound, with `replicas` as the lower. */
  readonly maxReplicas: number;
}

export interface DeploySystemdConfig {
  readonly user: string;
  /** Folder of the installation, with `bin/gigastt.js`. */
  readonly installDir: string;
  readonly nodePath: string;
  readonly configFile: string;
  /** Let systemd bind the port and hand it over. */
  readonly socketActivation: boolean;
  /** Readiness and watchdog through `systemd-notify`; false = `Type=exec`. */
  readonly notify: boolean;
}

export interface DeployFirewallConfig {
  readonly kind: "nftables" | "ufw";
  readonly sshPort: number;
  /** Who may reach the proxy; empty = everybody. */
  readonly allowFrom: readonly string[];
  /** Container ports are published on this machine: rules for Docker's own chains are needed. */
  readonly docker: boolean;
}

/** What `gigastt audit` is told about this installation. */
export interface AuditConfig {
  /** `RULE[@FILE] [until=YYYY-MM-DD]: reason`. */
  readonly ignore: readonly string[];
}
