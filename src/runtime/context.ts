import type { Engine } from "../engine/contract.ts";
import type { Clock } from "../shared/time/clock.ts";
import type { Logger } from "../shared/log.ts";
import { SSE_PING_MS } from "../shared/protocol.ts";
import type { Admission } from "./admission/admission.ts";
import type { AddressHeaders, ClientAddress } from "./access/client-address.ts";
import type { HostPolicy } from "./access/host.ts";
import type { KeyCheck } from "./access/keys.ts";
import type { Exchanges } from "./http/connections/exchanges.ts";
import type { ClosingSockets } from "./http/connections/lingering-close.ts";
import type { Archive } from "./archive/service.ts";
import type { Jobs } from "./jobs/service.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { RateLimiter } from "./access/rate-limit.ts";
import type { SessionRegistry } from "./sessions/registry.ts";
import type { RequestStats } from "./metrics/stats.ts";
import type { SupervisorReport } from "../shared/process/messages.ts";
import type { AskSupervisor } from "./lifecycle/supervisor-link.ts";
import type { Settings } from "./lifecycle/settings.ts";
import type { Tracing } from "./tracing/trace.ts";
import type { UploadMemory } from "./http/uploads/upload-memory.ts";

/** What routes and sessions share. One per running server. */
export interface RuntimeContext {
  readonly settings: Settings;
  readonly engine: Engine;
  readonly admission: Admission;
  readonly uploads: UploadMemory;
  readonly limiter: RateLimiter;
  readonly keys: KeyCheck;
  readonly exchanges: Exchanges;
  readonly closing: ClosingSockets;
  readonly sessions: SessionRegistry;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  /** Undefined while jobs are off. */
  readonly jobs: Jobs | undefined;
  /** Undefined where no supervisor runs. */
  readonly askSupervisor: AskSupervisor | undefined;
  /** Undefined while the archive is off. */
  readonly archive: Archive | undefined;
  readonly log: Logger;
  readonly clock: Clock;
  /** Of the product, as `/health` reports it. */
  readonly version: string;
  readonly startedAtMs: number;
  /** Unix seconds of the start. */
  readonly createdS: number;
  readonly timing: Timing;
  readonly phase: Phase;
  readonly stats: RequestStats;
  clientOf(peer: string | undefined, headers: AddressHeaders): ClientAddress;
  isProxy(peer: string | undefined): boolean;
  /** Whether the peer is a proxy that signs its users in (`server.ingressFrom`). */
  isIngress(peer: string | undefined): boolean;
  readonly allowsHost: HostPolicy;
}

/** Where the process is in its life; only the drain and the control channel change it. */
export interface Phase {
  draining: boolean;
  /** Another runtime accepts on the same socket; this one serves what is connected and asks every client to reconnect. */
  handedOver: boolean;
  /** The engine did not stop in time: only a forced exit ends the process. */
  engineIsStuck: boolean;
  /** What the supervisor last reported about itself. */
  supervisor: SupervisorReport | undefined;
}

/** Times that are not configuration keys; parameters so that tests need not wait for them. */
export interface Timing {
  /** Time an upload gets on top of what the minimum rate allows. */
  readonly uploadGraceMs: number;
  /** How long what a client still sends behind the last answer is thrown away, so that it can read the answer. */
  readonly lingerMs: number;
  /** Longest time without progress while a client reads its answer. */
  readonly slowReaderMs: number;
  /** Comment line in an event stream without events. */
  readonly ssePingMs: number;
  /** Time a client has to answer our Close before its socket is cut. */
  readonly closeGraceMs: number;
  /** Interval of what is sent to clients that only a failed write shows to be gone: paused WebSockets, half-closed requests. */
  readonly pausedProbeMs: number;
  /** Silence after which a session gives its slot back. */
  readonly slotSilenceMs: number;
  /** Longest wait for the last final of a session that reached its cap. */
  readonly capFinalMs: number;
  /** Longest wait for the last final of a session that ends gracefully. */
  readonly finalMs: number;
}

export const defaultTiming: Timing = {
  uploadGraceMs: 30_000,
  lingerMs: 2000,
  slowReaderMs: 30_000,
  ssePingMs: SSE_PING_MS,
  closeGraceMs: 1000,
  pausedProbeMs: 500,
  slotSilenceMs: 10_000,
  capFinalMs: 350,
  finalMs: 60_000,
};
