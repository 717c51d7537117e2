import type { Resolved } from "./schema/from-schema.ts";
import type { archive } from "./sections/archive.ts";
import type { audit } from "./sections/audit.ts";
import type { auth } from "./sections/auth.ts";
import type { console } from "./sections/console.ts";
import type { deploy } from "./sections/deploy.ts";
import type { engine } from "./sections/engine.ts";
import type { jobs } from "./sections/jobs.ts";
import type { limits } from "./sections/limits.ts";
import type { log } from "./sections/log.ts";
import type { metrics } from "./sections/metrics.ts";
import type { model } from "./sections/model.ts";
import type { pool } from "./sections/pool.ts";
import type { rateLimit } from "./sections/rate-limit.ts";
import type { realtime } from "./sections/realtime.ts";
import type { server } from "./sections/server.ts";
import type { session } from "./sections/session.ts";
import type { shutdown } from "./sections/shutdown.ts";
import type { store } from "./sections/store.ts";
import type { stream } from "./sections/stream.ts";
import type { subtitles } from "./sections/subtitles.ts";
import type { supervisor } from "./sections/supervisor.ts";
import type { tracing } from "./sections/tracing.ts";
import type { vosk } from "./sections/vosk.ts";
import type { wyoming } from "./sections/wyoming.ts";

/**
 * The resolved configuration: frozen, complete, every duration in `…Ms` and every size in `…Bytes`. Derived from the section schemas,
 * where each key has its meaning; a new key is one entry there. Interfaces, so that editors show a name and not the computation.
 */
export interface ResolvedConfig {
  readonly server: ServerConfig;
  readonly wyoming: WyomingConfig;
  readonly vosk: VoskConfig;
  readonly limits: LimitsConfig;
  readonly pool: PoolConfig;
  readonly session: SessionConfig;
  readonly realtime: RealtimeConfig;
  readonly rateLimit: RateLimitConfig;
  readonly shutdown: ShutdownConfig;
  readonly model: ModelConfig;
  readonly engine: EngineConfig;
  readonly stream: StreamConfig;
  readonly subtitles: SubtitlesConfig;
  readonly jobs: JobsConfig;
  readonly archive: ArchiveConfig;
  readonly metrics: MetricsConfig;
  readonly tracing: TracingConfig;
  readonly log: LogConfig;
  readonly auth: AuthConfig;
  readonly store: StoreConfig;
  readonly console: ConsoleConfig;
  readonly supervisor: SupervisorConfig;
  readonly deploy: DeployConfig;
  readonly audit: AuditConfig;
}

export interface ServerConfig extends Resolved<typeof server> {}
export interface WyomingConfig extends Resolved<typeof wyoming> {}
export interface VoskConfig extends Resolved<typeof vosk> {}
export interface LimitsConfig extends Resolved<typeof limits> {}
export interface PoolConfig extends Resolved<typeof pool> {}
export interface RealtimeConfig extends Resolved<typeof realtime> {}
export interface SessionConfig extends Resolved<typeof session> {}
export interface RateLimitConfig extends Resolved<typeof rateLimit> {}
export interface ShutdownConfig extends Resolved<typeof shutdown> {}
export interface ModelConfig extends Resolved<typeof model> {}
export interface EngineConfig extends Resolved<typeof engine> {}
export interface StreamConfig extends Resolved<typeof stream> {}
export interface SubtitlesConfig extends Resolved<typeof subtitles> {}
export interface JobsConfig extends Resolved<typeof jobs> {}
export interface ArchiveConfig extends Resolved<typeof archive> {}
export interface MetricsConfig extends Resolved<typeof metrics> {}
export interface TracingConfig extends Resolved<typeof tracing> {}
export interface AuthConfig extends Resolved<typeof auth> {}
export interface StoreConfig extends Resolved<typeof store> {}
export interface LogConfig extends Resolved<typeof log> {}
export interface ConsoleConfig extends Resolved<typeof console> {}
export interface SupervisorConfig extends Resolved<typeof supervisor> {}
export interface DeployConfig extends Resolved<typeof deploy> {}
export interface AuditConfig extends Resolved<typeof audit> {}

export type EndpointMode = StreamConfig["endpoint"];
export type CommitPolicy = StreamConfig["commitPolicy"];
export type DeployTarget = DeployConfig["target"];
export type ComposeOverlay = DeployConfig["compose"]["overlays"][number];
