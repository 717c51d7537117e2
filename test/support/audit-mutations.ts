import type { Derived } from "../../src/config/derived.ts";
import type { ResolvedConfig } from "../../src/config/types.ts";

/** What is done to a setting: taken out; a number much smaller or much larger; yes and no exchanged. */
export type Change = "delete" | "less" | "more" | "flip";

/** A derived setting: which changes break it, and which rule has to say so. */
export interface DerivedSetting {
  readonly file: RegExp;
  readonly path: RegExp;
  readonly rule: string;
  readonly breaks: readonly Change[];
  /** Why the changes that are not in `breaks` break nothing. */
  readonly rest?: Reason;
  /** Further values that break it, at their bounds above all. */
  readonly values?: (config: ResolvedConfig, derived: Derived) => readonly string[];
}

/** Why a change breaks nothing, or why nobody needs to be told. */
export const REASONS = {
  "one-sided": "the bound has one side: more (or less) than derived cuts nothing",
  default: "the program's own default, or another line, says the same",
  refused: "the file no longer loads or the object is refused: whoever applies it is told at once",
  free: "follows from nothing in the config: other values are as good, it is the owner's choice",
} as const;
export type Reason = keyof typeof REASONS;

const D = ["delete"] as const;
const DL = ["delete", "less"] as const;
const DM = ["delete", "more"] as const;
const DF = ["delete", "flip"] as const;
const DLM = ["delete", "less", "more"] as const;
const L = ["less"] as const;
const LM = ["less", "more"] as const;
const M = ["more"] as const;
const F = ["flip"] as const;

const s = (value: number): string => `${value}s`;
/** The longest silence on a WebSocket: each ping ends it. */
const silenceSeconds = ({ session }: ResolvedConfig): number =>
  Math.floor(Math.min(session.pingIntervalMs || session.idleTimeoutMs, session.idleTimeoutMs) / 1000);

const CADDY = /^(?:compose\/)?caddy\/Caddyfile$/;
const INC = /nginx\/gigastt-proxy\.inc$/;
const CONF = /nginx\/gigastt\.conf$/;
const MAIN = /nginx\/nginx\.conf$/;
const UNIT = /systemd\/gigastt\.service$/;
const APP = /compose\/compose\.yaml$/;
const PROXY = /compose\/compose\.(?:caddy|nginx|redis)\.yaml$/;
const COPY = /compose\/gigastt\.config\.yaml$/;
const DEPLOYMENT = /kubernetes\/deployment\.yaml$/;

type Row = readonly [
  file: RegExp,
  path: RegExp,
  rule: string,
  breaks: readonly Change[],
  rest?: Reason,
  values?: DerivedSetting["values"],
];

const CONTAINER = "^spec > template > spec > containers > 0 > ";

/** Every derived setting of the rendered files. What stands neither here nor in {@link LEFT_ALONE} fails the suite. */
const ROWS: readonly Row[] = [
  // --- Caddy
  [CADDY, /^options > grace_period$/, "GA-LIF-005", DL, "one-sided", (c) => [s(c.shutdown.drainMs / 1000 - 1)]],
  [CADDY, /^options > admin$/, "GA-EXP-015", D, undefined, () => [":2019"]],
  [CADDY, /trusted_proxies_strict$/, "GA-XFF-005", D],
  [CADDY, /trusted_proxies$/, "GA-XFF-006", D],
  [CADDY, /timeouts > read_header$/, "GA-STR-016", M, "one-sided"],
  [CADDY, /header_up X-Forwarded-For$/, "GA-XFF-004", [], "default", () => ["{header.X-Forwarded-For}"]],
  [
    CADDY,
    /header_up (?:X-Real-IP|-Forwarded|-X-Client-IP|-True-Client-IP|-CF-Connecting-IP|-X-Cluster-Client-IP|-X-Original-Forwarded-For)$/,
    "GA-XFF-011",
    D,
  ],
  [CADDY, /stream_close_delay$/, "GA-LIF-007", DL, "one-sided", (c) => [s(c.session.maxDurationMs / 1000 - 1)]],
  [CADDY, /lb_try_duration$/, "GA-LIF-017", DL, "one-sided"],
  [CADDY, /dial_timeout$/, "GA-LIF-017", M, "default"],
  [CADDY, /transport http > keepalive$/, "GA-STR-012", DM, "one-sided", (_, d) => [s(d.server.keepAliveTimeoutS)]],
  [
    CADDY,
    /^\(gigastt_upstream\) > reverse_proxy [^>]*$/,
    "GA-LIF-018",
    [],
    "refused",
    (c) => [`127.0.0.1:${c.server.port + 1}`],
  ],
  [
    CADDY,
    /^\(gigastt_headers\) > header > Strict-Transport-Security$/,
    "GA-TLS-002",
    D,
    undefined,
    () => ['"max-age=3600"'],
  ],
  [CADDY, /^\(gigastt_headers\) > header > (?:X-|Referrer)/, "GA-EXP-017", D],
  [
    CADDY,
    /request_body @(?:films|others) > max_size$/,
    "GA-STR-008",
    DLM,
    undefined,
    (c) => [String(c.limits.bodyBytes + 1), "50MB"],
  ],
  [
    CADDY,
    /> redir$/,
    "GA-TLS-003",
    [],
    "free",
    () => ["https://stt.example.com{uri} 301", "https://stt.example.com{uri}"],
  ],
  // Only where nothing else asks for a password.
  [/^compose\/caddy\/Caddyfile$/, /^stt\.example\.com > handle \/metrics\*$/, "GA-EXP-008", D],
  [/^compose\/nginx\/gigastt\.conf$/, /location \^~ \/metrics$/, "GA-EXP-008", D],
  // --- nginx
  [INC, /^proxy_http_version$/, "GA-STR-001", D, "refused", () => ["1.0"]],
  [
    INC,
    /^proxy_set_header X-Forwarded-For$/,
    "GA-XFF-001",
    [],
    undefined,
    () => ["$proxy_add_x_forwarded_for", "$http_x_forwarded_for"],
  ],
  [INC, /^proxy_set_header X-Forwarded-For$/, "GA-XFF-002", D],
  [INC, /^proxy_set_header (?:Host|X-Real-IP|X-Forwarded-Proto|Forwarded)$/, "GA-XFF-003", D],
  [
    INC,
    /^proxy_set_header (?:X-Client-IP|True-Client-IP|CF-Connecting-IP|X-Cluster-Client-IP|X-Original-Forwarded-For)$/,
    "GA-XFF-011",
    D,
  ],
  [INC, /^proxy_set_header Upgrade$/, "GA-STR-001", D],
  [INC, /^proxy_set_header Connection$/, "GA-STR-001", D, undefined, () => ['""']],
  [INC, /^proxy_set_header Connection$/, "GA-STR-002", [], undefined, () => ['"upgrade"']],
  [INC, /^proxy_request_buffering$/, "GA-STR-011", DF],
  [INC, /^proxy_max_temp_file_size$/, "GA-STR-011", D, "default", () => ["64m"]],
  [INC, /^proxy_connect_timeout$/, "GA-LIF-017", M, "one-sided"],
  [CONF, /^server_tokens$/, "GA-EXP-019", DF],
  [CONF, /^map \$http_upgrade .* > default/, "GA-STR-001", D],
  [CONF, /^map \$http_upgrade .* > *$/, "GA-STR-002", D],
  [CONF, /^set_real_ip_from$/, "GA-XFF-006", D, undefined, () => ["0.0.0.0/0"]],
  [CONF, /^real_ip_header$/, "GA-XFF-006", D, undefined, () => ["X-Real-IP"]],
  [CONF, /^limit_conn_zone$/, "GA-STR-014", D, undefined, () => ["$http_x_forwarded_for zone=gigastt_conn:10m"]],
  [
    CONF,
    /^limit_req_zone$/,
    "GA-STR-014",
    D,
    undefined,
    () => ["$binary_remote_addr zone=gigastt_rate:10m rate=600r/m"],
  ],
  [CONF, /^limit_(?:conn|req)_status$/, "GA-STR-014", DLM],
  [CONF, /^upstream gigastt > server$/, "GA-LIF-018", [], "refused", (c) => [`127.0.0.1:${c.server.port + 1}`]],
  [
    CONF,
    /^upstream gigastt > keepalive_timeout$/,
    "GA-STR-012",
    M,
    "default",
    (_, d) => [s(d.server.keepAliveTimeoutS)],
  ],
  [CONF, /^ssl_certificate(?:_key)?$/, "GA-TLS-001", D],
  [CONF, /^ssl_protocols$/, "GA-TLS-001", [], "default", () => ["TLSv1 TLSv1.2"]],
  [CONF, /^ssl_ciphers$/, "GA-TLS-001", D, undefined, () => ["HIGH:!aNULL:!MD5"]],
  [CONF, /^server others tls > listen$/, "GA-TLS-004", D],
  [CONF, /^server site (?:tls|plain) > listen$/, "GA-LIF-020", D, "refused"],
  [CONF, /^server site tls > server_name$/, "GA-EXP-009", D, undefined, () => ["old.example.com"]],
  [
    CONF,
    /add_header Strict-Transport-Security$/,
    "GA-TLS-002",
    D,
    undefined,
    () => ["max-age=3600 always", "max-age=63072000"],
  ],
  [CONF, /add_header (?:X-|Referrer)/, "GA-EXP-017", D],
  [
    CONF,
    /^server site tls > client_max_body_size$/,
    "GA-STR-008",
    DLM,
    undefined,
    (c) => [String(c.limits.bodyBytes + 1), "52m"],
  ],
  // Without it the limit of the site applies, which is enough without films.
  [CONF, /location = \/(?:asr|detect-language) > client_max_body_size$/, "GA-STR-008", LM, "default"],
  [CONF, /client_body_timeout$/, "GA-STR-016", M, "one-sided"],
  [CONF, /^server others (?:tls|plain) > client_header_timeout$/, "GA-STR-016", M, "one-sided"],
  [CONF, /^server others tls > client_header_timeout$/, "GA-STR-017", D],
  // Behind a default server of its address; as the default server itself it counts.
  [CONF, /^server site (?:tls|plain) > client_header_timeout$/, "GA-STR-016", [], "default"],
  [
    CONF,
    /^server site tls > proxy_read_timeout$/,
    "GA-STR-005",
    DL,
    "one-sided",
    (c) => [s((c.pool.checkoutTimeoutMs + c.limits.requestBudgetMs) / 1000 - 1)],
  ],
  [
    CONF,
    /location = \/(?:v1\/audio\/transcriptions|asr|detect-language) > proxy_read_timeout$/,
    "GA-STR-005",
    L,
    "one-sided",
    (c) => [s((c.pool.checkoutTimeoutMs + c.limits.requestBudgetMs) / 1000 - 1)],
  ],
  [CONF, /^server site tls > auth_basic(?:_user_file)?$/, "GA-EXP-005", D],
  [CONF, /location = \/health > auth_basic$/, "GA-EXP-018", D, "default"],
  [CONF, /location = \/(?:ws|v1\/(?:ws|realtime)) > limit_conn$/, "GA-STR-014", D],
  [
    CONF,
    /location = \/(?:ws|v1\/(?:ws|realtime)) > proxy_(?:read|send)_timeout$/,
    "GA-STR-004",
    [],
    "default",
    (c) => [s(silenceSeconds(c))],
  ],
  [
    CONF,
    /location = \/(?:v1\/(?:transcribe\/stream|audio\/transcriptions)|asr|detect-language) > limit_req$|location (?:\/|~ \S+\/events\$) > limit_req$/,
    "GA-STR-014",
    D,
  ],
  [
    CONF,
    /location (?:= \/v1\/transcribe\/stream|~ \S+\/events\$) > proxy_read_timeout$/,
    "GA-STR-004",
    [],
    "default",
    () => ["15s"],
  ],
  [
    CONF,
    /server site plain > location \/ > return$/,
    "GA-TLS-003",
    [],
    "free",
    () => ["301 https://stt.example.com$request_uri", "308 https://$host$request_uri"],
  ],
  [MAIN, /^worker_shutdown_timeout$/, "GA-LIF-006", DL, "one-sided", (c) => [s(c.session.maxDurationMs / 1000 - 1)]],
  [MAIN, /worker_connections$/, "GA-STR-014", L, "default"],
  // --- systemd
  [UNIT, /^Service > Type$/, "GA-LIF-010", D],
  [UNIT, /^Service > NotifyAccess$/, "GA-LIF-010", D, undefined, () => ["main"]],
  [UNIT, /^Service > WatchdogSec$/, "GA-LIF-017", DL, "one-sided"],
  [UNIT, /^Service > User$/, "GA-SBX-007", D, undefined, () => ["root"]],
  [UNIT, /^Service > Restart$/, "GA-LIF-017", D],
  [UNIT, /^Service > KillMode$/, "GA-LIF-011", D, undefined, () => ["control-group"]],
  [UNIT, /^Service > TimeoutStopSec$/, "GA-LIF-004", L, "default", (c) => [String(c.shutdown.drainMs / 1000 + 4)]],
  [
    UNIT,
    /^Service > TimeoutStartSec$/,
    "GA-LIF-012",
    DL,
    "one-sided",
    (c) => [String(c.model.loadTimeoutMs / 1000 - 1)],
  ],
  [UNIT, /^Service > (?:State|Cache)Directory$/, "GA-SBX-006", D],
  [UNIT, /^Service > (?:State|Cache|Runtime)DirectoryMode$/, "GA-SBX-007", D, "refused", () => ["0755"]],
  [UNIT, /^Service > MemoryMax$/, "GA-SBX-003", DL, "one-sided", (_, d) => [`${d.unit.memoryMiB / 2}M`]],
  [UNIT, /^Service > TasksMax$/, "GA-SBX-003", DL, "one-sided"],
  [UNIT, /^Service > LimitNOFILE$/, "GA-SBX-003", [], "default", () => ["256"]],
  [UNIT, /^Service > RestrictAddressFamilies$/, "GA-LIF-010", [], undefined, () => ["AF_INET AF_INET6"]],
  [UNIT, /^Service > Environment XDG_(?:STATE|CACHE)_HOME$/, "GA-SBX-006", D],
  [UNIT, /^Service > SystemCallFilter /, "GA-SBX-007", D],
  [
    UNIT,
    /^Service > (?:NoNewPrivileges|CapabilityBoundingSet|AmbientCapabilities|ProtectSystem|ProtectHome|PrivateTmp|PrivateDevices|PrivateUsers|PrivateMounts|ProtectKernel\w+|ProtectControlGroups|ProtectClock|ProtectHostname|ProtectProc|RestrictNamespaces|RestrictAddressFamilies|SystemCallArchitectures|LockPersonality|RestrictRealtime|RestrictSUIDSGID|RemoveIPC|KeyringMode|UMask|IPAddressDeny|IPAddressAllow)$/,
    "GA-SBX-007",
    DF,
    "refused",
  ],
  [
    /systemd\/(?:caddy|nginx)\.service\.d/,
    /^Service > TimeoutStopSec$/,
    "GA-LIF-004",
    DL,
    "one-sided",
    (c) => [String(c.shutdown.drainMs / 1000 + 4)],
  ],
  [/systemd\/nginx\.service\.d/, /^Service > (?:ExecStop|KillSignal)$/, "GA-LIF-004", D],
  [/systemd\/caddy\.service\.d/, /^Service > ExecStart$/, "GA-EXP-014", [], "default"],
  [/systemd\/gigastt\.socket/, /ListenStream$/, "GA-LIF-018", [], "refused", (c) => [`127.0.0.1:${c.server.port + 1}`]],
  [
    /systemd\/gigastt-certbot\.service/,
    /ExecStart$/,
    "GA-TLS-004",
    [],
    "refused",
    () => ["/usr/bin/certbot renew --quiet"],
  ],
  [/systemd\/gigastt-certbot\.timer/, /OnCalendar$/, "GA-TLS-004", [], "refused", () => ["monthly", "*-*-01 00:00:00"]],
  // --- Compose
  [APP, /^services > gigastt > user$/, "GA-SBX-001", D, undefined, () => ["0:0", '"1000:1000"']],
  [APP, /^services > gigastt > read_only$/, "GA-SBX-002", DF],
  [
    APP,
    /^services > gigastt > tmpfs > 0$/,
    "GA-SBX-002",
    D,
    undefined,
    (_, d) => ["/tmp:mode=1777", `/tmp:mode=1777,size=${Math.floor((d.tmpMiB - 56) / 2)}m`],
  ],
  [APP, /^services > gigastt > (?:cap_drop|security_opt) > 0$/, "GA-SBX-001", D],
  [APP, /^services > gigastt > expose > 0$/, "GA-LIF-018", LM, "default"],
  [
    APP,
    /^services > gigastt > stop_grace_period$/,
    "GA-LIF-003",
    DL,
    "one-sided",
    (c) => [s(c.shutdown.drainMs / 1000 + 4)],
  ],
  [APP, /^services > gigastt > stop_signal$/, "GA-LIF-022", [], "default", () => ["SIGKILL"]],
  [APP, /^services > gigastt > restart$/, "GA-LIF-017", D, undefined, () => ['"no"']],
  [APP, /^services > gigastt > healthcheck > start_period$/, "GA-LIF-012", DL, "one-sided"],
  [
    APP,
    /^services > gigastt > healthcheck > test > 3$/,
    "GA-LIF-014",
    [],
    "refused",
    () => [
      "\"fetch('http://localhost:9876/ready')\"",
      "\"fetch('http://127.0.0.1:9867/ready')\"",
      "\"fetch('http://127.0.0.1:9876/healthz')\"",
    ],
  ],
  [APP, /^services > gigastt > deploy > resources > limits > memory$/, "GA-SBX-003", DL, "one-sided"],
  [APP, /^services > gigastt > deploy > resources > limits > pids$/, "GA-SBX-003", DL, "one-sided"],
  [APP, /^services > gigastt > volumes > \d+ > read_only$/, "GA-SBX-002", DF],
  [APP, /^networks > edge > enable_ipv6$/, "GA-XFF-010", DF],
  [PROXY, /^services > \w+ > (?:cap_drop|security_opt) > 0$/, "GA-SBX-009", D],
  [PROXY, /^services > \w+ > read_only$/, "GA-SBX-009", F, "default"],
  [PROXY, /^services > (?:proxy|redis) > user$/, "GA-SBX-009", D, undefined, () => ["0:0"]],
  [PROXY, /^services > (?:proxy|redis) > deploy > resources > limits > (?:memory|pids)$/, "GA-SBX-009", D, "free"],
  [PROXY, /^services > (?:proxy|redis) > restart$/, "GA-LIF-017", D, undefined, () => ['"no"']],
  [
    PROXY,
    /^services > proxy > depends_on > gigastt > condition$/,
    "GA-LIF-015",
    [],
    "refused",
    () => ["service_started"],
  ],
  [PROXY, /^services > proxy > stop_grace_period$/, "GA-LIF-003", DL, "one-sided"],
  [
    /compose\/compose\.nginx\.yaml$/,
    /^services > proxy > stop_signal$/,
    "GA-LIF-003",
    [],
    "default",
    () => ["SIGTERM"],
  ],
  [PROXY, /^services > proxy > networks > 0$/, "GA-LIF-021", D],
  [APP, /^services > gigastt > networks > 0$/, "GA-LIF-021", D],
  [PROXY, /^services > \w+ > volumes > \d+ > read_only$/, "GA-SBX-009", DF],
  [PROXY, /^networks > backend > internal$/, "GA-SBX-009", DF],
  [COPY, /^server > host$/, "GA-DRF-003", D, undefined, () => ["127.0.0.1"]],
  [COPY, /^server > allowBindAny$/, "GA-DRF-003", DF],
  [COPY, /^server > trustedProxies > \d+$/, "GA-DRF-003", [], "default", () => ["0.0.0.0/0"]],
  [COPY, /^server > allowedOrigins > 0$/, "GA-DRF-003", D],
  [COPY, /^server > allowedHosts > 0$/, "GA-DRF-003", D],
  [COPY, /^server > keepAliveTimeout$/, "GA-DRF-003", L, "one-sided"],
  [
    COPY,
    /^(?:server > port|limits > body|pool > \w+|session > \w+|shutdown > drain|model > loadTimeout|rateLimit > \w+)$/,
    "GA-DRF-003",
    LM,
    "default",
  ],
  [COPY, /^metrics > enabled$/, "GA-DRF-003", F, "default"],
  // --- Dockerfile
  [/docker\/Dockerfile$/, /^final > USER$/, "GA-SBX-001", D, undefined, () => ["root", "1000"]],
  [/docker\/Dockerfile$/, /^final > EXPOSE$/, "GA-LIF-018", LM, "default"],
  [/docker\/Dockerfile$/, /^final > STOPSIGNAL$/, "GA-LIF-022", [], "default", () => ["SIGKILL"]],
  [
    /docker\/Dockerfile$/,
    /^final > HEALTHCHECK$/,
    "GA-LIF-012",
    [],
    "default",
    () => ["--interval=5s --start-period=10s CMD true"],
  ],
  [
    /docker\/Dockerfile$/,
    /^final > HEALTHCHECK$/,
    "GA-LIF-014",
    [],
    "default",
    () => ["--start-period=900s CMD curl -f http://127.0.0.1:9876/ready"],
  ],
  [
    /docker\/Dockerfile$/,
    /^final > ENTRYPOINT$/,
    "GA-LIF-008",
    [],
    "refused",
    () => ["node /app/bin/gigastt.js", '["sh", "-c", "node /app/bin/gigastt.js serve"]', '["npm", "start"]'],
  ],
  [/docker\/Dockerfile$/, /^build > ARG$/, "GA-SBX-004", [], "refused", () => ["NODE_RUNTIME=node:latest"]],
  // --- Kubernetes
  [DEPLOYMENT, /^spec > progressDeadlineSeconds$/, "GA-LIF-012", L, "default"],
  [DEPLOYMENT, /^spec > strategy > rollingUpdate > maxUnavailable$/, "GA-LIF-016", [], "default", () => ["2"]],
  [DEPLOYMENT, /> spec > automountServiceAccountToken$/, "GA-SBX-005", F, "default"],
  [
    DEPLOYMENT,
    /> terminationGracePeriodSeconds$/,
    "GA-LIF-001",
    L,
    "default",
    (c) => [String((c.deploy.kubernetes.preStopMs + c.shutdown.drainMs) / 1000 + 4)],
  ],
  [DEPLOYMENT, /^spec > template > spec > securityContext > runAsNonRoot$/, "GA-SBX-001", DF],
  [DEPLOYMENT, /^spec > template > spec > securityContext > runAsUser$/, "GA-SBX-001", L, "default", () => ["0"]],
  [
    DEPLOYMENT,
    /^spec > template > spec > securityContext > seccompProfile > type$/,
    "GA-SBX-001",
    D,
    undefined,
    () => ["Unconfined"],
  ],
  [
    DEPLOYMENT,
    new RegExp(`${CONTAINER}securityContext > (?:allowPrivilegeEscalation|capabilities > drop > 0)$`),
    "GA-SBX-001",
    DF,
  ],
  [DEPLOYMENT, new RegExp(`${CONTAINER}securityContext > readOnlyRootFilesystem$`), "GA-SBX-002", DF],
  [
    DEPLOYMENT,
    /initContainers > 0 > securityContext > (?:allowPrivilegeEscalation|readOnlyRootFilesystem|capabilities > drop > 0)$/,
    "GA-SBX-009",
    DF,
  ],
  [DEPLOYMENT, /initContainers > 0 > resources > limits > memory$/, "GA-SBX-009", D, "free"],
  [DEPLOYMENT, /preStop > sleep > seconds$/, "GA-LIF-002", L, "refused"],
  [DEPLOYMENT, /preStop > sleep > seconds$/, "GA-LIF-001", M],
  [DEPLOYMENT, /startupProbe > failureThreshold$/, "GA-LIF-012", DLM],
  [DEPLOYMENT, /startupProbe > periodSeconds$/, "GA-LIF-012", LM, "default"],
  [DEPLOYMENT, /Probe > httpGet > path$/, "GA-LIF-014", [], "refused", () => ["/healthz"]],
  [DEPLOYMENT, /Probe > httpGet > port$/, "GA-LIF-014", [], "refused", () => ["8080"]],
  [DEPLOYMENT, /livenessProbe > httpGet > path$/, "GA-LIF-013", [], undefined, () => ["/ready"]],
  [DEPLOYMENT, /livenessProbe > (?:periodSeconds|failureThreshold)$/, "GA-LIF-013", L, "one-sided"],
  [DEPLOYMENT, new RegExp(`${CONTAINER}resources > limits > memory$`), "GA-SBX-003", DL, "one-sided"],
  [DEPLOYMENT, new RegExp(`${CONTAINER}resources > requests > memory$`), "GA-SBX-003", L, "default"],
  [DEPLOYMENT, new RegExp(`${CONTAINER}resources > limits > ephemeral-storage$`), "GA-SBX-002", L, "default"],
  [DEPLOYMENT, new RegExp(`${CONTAINER}ports > 0 > containerPort$`), "GA-LIF-018", LM, "refused"],
  [
    DEPLOYMENT,
    new RegExp(`${CONTAINER}args > 2$`),
    "GA-LIF-018",
    [],
    "refused",
    () => ["/etc/other/gigastt.config.yaml"],
  ],
  [DEPLOYMENT, new RegExp(`${CONTAINER}volumeMounts > 1 > mountPath$`), "GA-SBX-002", [], "refused", () => ["/temp"]],
  [DEPLOYMENT, new RegExp(`${CONTAINER}volumeMounts > \\d+ > name$`), "GA-LIF-018", [], "refused", () => ["other"]],
  [DEPLOYMENT, new RegExp(`${CONTAINER}volumeMounts > 2 > readOnly$`), "GA-SBX-002", DF],
  [DEPLOYMENT, /volumes > 1 > emptyDir > sizeLimit$/, "GA-SBX-002", DL, "one-sided"],
  [/kubernetes\/service\.yaml$/, /^spec > type$/, "GA-XFF-008", [], "default", () => ["NodePort", "LoadBalancer"]],
  [/kubernetes\/service\.yaml$/, /targetPort$/, "GA-LIF-018", D, undefined, () => ["8080"]],
  [/kubernetes\/networkpolicy\.yaml$/, /^spec > policyTypes > \d$/, "GA-SBX-005", D],
  [/kubernetes\/networkpolicy\.yaml$/, /^spec > ingress > 0 > from > 0 /, "GA-SBX-005", [], "refused"],
  [/kubernetes\/namespace\.yaml$/, /enforce$/, "GA-SBX-001", D, undefined, () => ["privileged"]],
  [/kubernetes\/httproute\.yaml$/, /parentRefs > 0 > sectionName$/, "GA-TLS-006", D],
  [/kubernetes\/ingress\.yaml$/, /tls > 0 > hosts > 0$/, "GA-TLS-006", D],
  [/kubernetes\/httproute\.yaml$/, /^spec > hostnames > 0$/, "GA-EXP-009", [], "free", () => ["old.example.com"]],
  [/kubernetes\/httproute\.yaml$/, /requestHeaderModifier > remove > \d$/, "GA-XFF-011", D],
  [
    /kubernetes\/httproute\.yaml$/,
    /responseHeaderModifier > set > \d > name$/,
    "GA-EXP-017",
    [],
    "refused",
    () => ["X-Other"],
  ],
  [
    /kubernetes\/httproute\.yaml$/,
    /^spec > rules > 0 > timeouts > request$/,
    "GA-STR-007",
    D,
    "refused",
    () => ["600s"],
  ],
  [
    /kubernetes\/httproute\.yaml$/,
    /^spec > rules > 1 > timeouts > (?:request|backendRequest)$/,
    "GA-STR-005",
    L,
    "one-sided",
    (c) => [s((c.pool.checkoutTimeoutMs + c.limits.requestBudgetMs) / 1000 - 1)],
  ],
  [/kubernetes\/httproute\.yaml$/, /backendRefs > 0 > port$/, "GA-LIF-018", LM, "refused"],
  [/kubernetes\/httproute-redirect\.yaml$/, /statusCode$/, "GA-TLS-003", D, "refused", () => ["301"]],
  [/kubernetes\/ingress\.yaml$/, /proxy-body-size$/, "GA-STR-008", DLM, undefined, () => ["50m"].map(() => '"49m"')],
  [
    /kubernetes\/ingress\.yaml$/,
    /proxy-read-timeout$/,
    "GA-STR-004",
    [],
    "one-sided",
    (c) => [`"${silenceSeconds(c)}"`],
  ],
  [
    /kubernetes\/ingress\.yaml$/,
    /proxy-read-timeout$/,
    "GA-STR-005",
    DL,
    "one-sided",
    (c) => [`"${(c.pool.checkoutTimeoutMs + c.limits.requestBudgetMs) / 1000 - 1}"`],
  ],
  [
    /kubernetes\/ingress\.yaml$/,
    /proxy-send-timeout$/,
    "GA-STR-004",
    [],
    "one-sided",
    (c) => [`"${silenceSeconds(c)}"`],
  ],
  [/kubernetes\/ingress\.yaml$/, /ssl-redirect$/, "GA-TLS-003", [], "default", () => ['"false"']],
  [/kubernetes\/ingress\.yaml$/, /service > port > name$/, "GA-LIF-018", [], "refused", () => ["web"]],
  [/kubernetes\/ingress\.yaml$/, /^spec > rules > 0 > host$/, "GA-EXP-009", [], "free", () => ["old.example.com"]],
  [/kubernetes\/poddisruptionbudget\.yaml$/, /^spec > maxUnavailable$/, "GA-LIF-016", [], "free", () => ["0"]],
  [/kubernetes\/horizontalpodautoscaler\.yaml$/, /scaleDown > stabilizationWindowSeconds$/, "GA-LIF-016", L, "default"],
  [/kubernetes\/horizontalpodautoscaler\.yaml$/, /scaleDown > policies > 0 > value$/, "GA-LIF-016", M, "refused"],
  [
    /kubernetes\/horizontalpodautoscaler\.yaml$/,
    /scaleDown > policies > 0 > periodSeconds$/,
    "GA-LIF-016",
    L,
    "refused",
  ],
];

export const DERIVED_SETTINGS: readonly DerivedSetting[] = ROWS.map(([file, path, rule, breaks, rest, values]) => ({
  file,
  path,
  rule,
  breaks,
  ...(rest === undefined ? {} : { rest }),
  ...(values === undefined ? {} : { values }),
}));

/** Lines that are right as well: the other half of a relation, or the pass, container or object that lacks what was taken out. */
export const ELSEWHERE: readonly (readonly [path: RegExp, rule: string, line: RegExp])[] = [
  [/trusted_proxies$|max_size$|transport http > keepalive$/, "GA-XFF-006|GA-STR-008|GA-STR-012", /reverse_proxy/],
  [/lb_try_duration$/, "GA-LIF-017", /dial_timeout/],
  [/^server others tls > listen$/, "GA-TLS-004", /server_name stt/],
  [/^server others tls > client_header_timeout$/, "GA-STR-017", /client_header_timeout/],
  [/preStop > sleep > seconds$/, "GA-LIF-001", /terminationGracePeriodSeconds/],
  [/tls > 0 > hosts > 0$/, "GA-TLS-006", /host:/],
  [
    /(?:startup|liveness)Probe > (?:periodSeconds|failureThreshold)$/,
    "GA-LIF-012|GA-LIF-013",
    /failureThreshold|progressDeadlineSeconds/,
  ],
  [/volumeMounts > 1 > mountPath$/, "GA-SBX-002", /readOnlyRootFilesystem/],
  [/responseHeaderModifier > set > \d > name$/, "GA-EXP-017", /set:/],
  [/map .* > default/, "GA-STR-001", /proxy_pass/],
  [/\/metrics\*?$/, "GA-EXP-008", /reverse_proxy|proxy_pass|location/],
];

/** Settings that follow from no limit of the config, with the reason why no rule speaks about them. */
export const LEFT_ALONE: readonly (readonly [file: RegExp, path: RegExp, reason: Reason])[] = [
  [/./, /^(?:apiVersion|kind)$|^metadata > (?:name|namespace)$|^(?:namespace|resources)/, "refused"],
  // A site without them serves every route; only bodies of films and texts of errors differ.
  [CADDY, /> @(?:films|others)$/, "default"],
  [CONF, /> error_page$|location = \/__gigastt_empty > /, "free"],
  [/./, /(?:^|> )(?:Description|Documentation)$|logging >|metadata > |> labels > |^labels|^name$/, "free"],
  // Caddy sets X-Forwarded-Proto and -Host itself; the server sends none of the headers that header_down takes out but nosniff.
  [CADDY, /header_down|header_up X-Forwarded-(?:Proto|Host)$|header_up -Authorization$|> tls$/, "default"],
  [
    CADDY,
    /header -Server|timeouts > idle$|> abort$|handle_errors|metrics\* > respond$|> import|^options > (?:email|auto_https|https?_port)$/,
    "free",
  ],
  // The server sends both itself; the proxy adds them to answers of its own.
  [CADDY, /^\(gigastt_headers\) > header > \?(?:Permissions|Content)/, "default"],
  [CONF, /^map \$upstream_http_|add_header (?:Permissions|Content)/, "default"],
  [INC, /proxy_hide_header|X-Forwarded-Host|X-Request-Id|proxy_set_header Authorization/, "default"],
  [INC, /proxy_pass$|^set$/, "refused"],
  [
    CONF,
    /^map \$http_x_request_id|^log_format$|^access_log$|^resolver$|upstream gigastt > (?:zone|keepalive)$|^ssl_(?:ecdh_curve|prefer_server_ciphers|session_\w+)$/,
    "free",
  ],
  [
    CONF,
    /> (?:http2|keepalive_timeout)$|site (?:tls|plain) > listen$|site plain > server_name$|> root$|> include$|metrics > return$|location = \/health > proxy_read_timeout$|proxy_send_timeout$/,
    "free",
  ],
  // Two lines say it: the handshake is rejected and the connection closed; the server asks for no buffering itself, and gzip passes every event on.
  [CONF, /^server others|^real_ip_recursive$|proxy_buffering$|gzip$|proxy_cache$|proxy_next_upstream$/, "default"],
  [MAIN, /^(?:user|worker_processes|pid|error_log)$|^http > /, "free"],
  [
    /systemd\//,
    /^Unit > (?:After|Wants|Requires|StartLimit\w+)$|> WantedBy$|Service > (?:RestartSec|RestartPreventExitStatus|ExecReload|SystemCallErrorNumber|Environment \w+|PrivateTmp)$|Timer > (?:RandomizedDelaySec|Persistent)$|Socket > (?:Backlog|NoDelay|FileDescriptorName)$/,
    "free",
  ],
  [/systemd\//, /^Service > (?:Group|WorkingDirectory|RuntimeDirectory|RuntimeDirectoryMode|KillMode)$/, "default"],
  [/systemd\//, /^Service > (?:ExecStart|ExecStartPost|Type)$/, "refused"],
  [/compose\/\.env$/, /./, "refused"],
  // The preparation step is written in the base file and in the overlay: one of them is enough.
  [/compose\//, /services > prepare > /, "default"],
  [
    /compose\//,
    /> image$|> (?:cap_add|test|command|entrypoint|networks|tmpfs) > \d+|create_host_path|volumes > \d+(?: > (?:type|source|target))?$|^volumes > |ipam|depends_on > prepare/,
    "refused",
  ],
  [
    /compose\//,
    /> init$|limits > cpus$|> ports > \d+|> healthcheck > |redis > stop_grace_period|^services > proxy > stop_signal$/,
    "free",
  ],
  [COPY, /^model > (?:dir|offline)$|^limits > requestBudget$/, "default"],
  // Names under which other containers may reach the server: the rendered proxy sends the public one.
  [COPY, /^server > allowedHosts > [1-9]\d*$/, "free"],
  [/docker\/Dockerfile$/, /^build > |final > (?:FROM|WORKDIR|RUN|COPY|CMD)$/, "refused"],
  [/docker\/Dockerfile$/, /final > (?:ARG|LABEL|ENV \w+)$/, "default"],
  [/kubernetes\/kustomization\.yaml$/, /./, "refused"],
  [/kubernetes\/configmap\.yaml$/, /^data/, "refused"],
  [/kubernetes\/persistentvolumeclaim\.yaml$/, /^spec/, "free"],
  [
    DEPLOYMENT,
    /replicas$|revisionHistoryLimit$|strategy > |enableServiceLinks$|runAsGroup$|fsGroup|imagePullPolicy$|> protocol$|requests > (?:cpu|ephemeral-storage)$|Probe > (?:timeoutSeconds|periodSeconds|failureThreshold)$|volumes > 2 > emptyDir/,
    "free",
  ],
  [
    DEPLOYMENT,
    /selector|serviceAccountName$|> (?:name|image)$|> args > [01]$|mountPath$|volumeMounts > \d+ > |volumes > |initContainers/,
    "refused",
  ],
  [/kubernetes\/service\.yaml$/, /^spec > (?:selector|ports > 0 > (?:name|port|protocol|appProtocol))/, "refused"],
  [/kubernetes\/serviceaccount\.yaml$/, /automount/, "default"],
  [/kubernetes\/networkpolicy\.yaml$/, /^spec > (?:podSelector|egress|ingress > 0 > ports)/, "free"],
  [
    /kubernetes\/httproute/,
    /parentRefs|matches|backendRefs > 0 > name$|filters > \d > type$|responseHeaderModifier|backendRequest$|requestRedirect|hostnames/,
    "refused",
  ],
  [/kubernetes\/ingress\.yaml$/, /ingressClassName|tls > |rules > 0 > http|nginx\.ingress/, "refused"],
  [/kubernetes\/poddisruptionbudget\.yaml$/, /selector|unhealthyPodEvictionPolicy/, "refused"],
  [
    /kubernetes\/horizontalpodautoscaler\.yaml$/,
    /scaleTargetRef|Replicas$|metrics|scaleUp|scaleDown > policies > 0 > type$/,
    "free",
  ],
];
