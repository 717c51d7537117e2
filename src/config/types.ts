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
}
