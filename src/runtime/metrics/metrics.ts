import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { applianceMetrics } from "./appliance.ts";
import type { ApplianceSources } from "./appliance.ts";
import type { EngineStats, LiveCapacity } from "../../engine/contract.ts";
import type { JobFigures } from "../../shared/process/messages.ts";

/** What the gauges read when Prometheus asks. */
export interface MetricSources extends ApplianceSources {
  admission(): { readonly available: number; readonly total: number; readonly waiters: number };
  engine(): EngineStats;
  live(): LiveCapacity;
  /** Undefined while jobs are off. */
  jobs(): JobFigures | undefined;
  /** Undefined while the archive is off. */
  archive(): { readonly transcripts: number; readonly audioS: number; readonly skipped: number } | undefined;
  uploadBytes(): number;
  rateBuckets(): number;
  sessions(): number;
  ready(): boolean;
  draining(): boolean;
}

/** Names of one observation; those that are too long for OpenMetrics are left out. */
export interface Exemplar {
  readonly request_id: string;
  readonly trace_id?: string | undefined;
}

/** The metrics of one runtime. Names that people's dashboards already use are kept; `docs/reference/metrics.md` lists all. */
export interface Metrics {
  /** @param names what the slowest of them can be found by in logs and traces */
  request(method: string, route: string, status: number, seconds: number, names?: Exemplar): void;
  error(code: string): void;
  checkout(seconds: number): void;
  checkoutTimeout(): void;
  lent(kind: "file" | "session"): void;
  liveRefused(): void;
  inference(audioS: number, wallS: number): void;
  rateLimited(): void;
  forwardedMisuse(): void;
  sessionEnd(closeCode: number, seconds: number): void;
  firstPartial(seconds: number): void;
  drain(event: "flushed" | "finished" | "cut", count: number): void;
  /** Prometheus text and its media type; with exemplars where the reader asks for OpenMetrics. */
  text(accept?: string): Promise<{ readonly body: string; readonly contentType: string }>;
  close(): void;
}

const METHODS = new Set(["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"]);
/** Of names and values together, by OpenMetrics. */
const LONGEST_EXEMPLAR = 128;
const REQUEST_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const INFERENCE_BUCKETS_S = [0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10];
const LAG_RESOLUTION_MS = 10;
const SESSION_BUCKETS_S = [1, 5, 15, 60, 300, 900, 3600];

export function createMetrics(sources: MetricSources, version: string): Metrics {
  const registry = new Registry();
  type Form = typeof registry.contentType; // its types know one form for a whole life
  // Histograms with exemplars are made for it alone.
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as Form);
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []): Counter<L> =>
    new Counter({ name, help, labelNames, registers });
  const histogram = <L extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: L[] = [],
  ): Histogram<L> => new Histogram({ name, help, buckets, labelNames, registers });
  const gauge = (name: string, help: string, read: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  const countFrom = (name: string, help: string, read: () => number): Counter =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });

  const requests = counter("gigastt_http_requests_total", "HTTP requests answered.", ["method", "path", "status"]);
  const requestSeconds = new Histogram({
    name: "gigastt_http_request_duration_seconds",
    help: "Time from the first byte of a request to the last of its answer.",
    buckets: REQUEST_BUCKETS_S,
    labelNames: ["method", "path"],
    enableExemplars: true,
    registers,
  });
  const errors = counter("gigastt_errors_total", "Errors sent to clients over HTTP and WebSocket, by code.", ["code"]);
  gauge("gigastt_pool_available", "Free slots.", () => sources.admission().available);
  gauge("gigastt_pool_total", "All slots.", () => sources.admission().total);
  gauge(
    "gigastt_pool_waiters",
    "Requests and sessions that wait for a slot, suspended ones included.",
    () => sources.admission().waiters,
  );
  const checkoutSeconds = histogram("gigastt_pool_checkout_duration_seconds", "Wait for a slot.", REQUEST_BUCKETS_S);
  const checkoutTimeouts = counter("gigastt_pool_timeouts_total", "Waits for a slot that ended without one.");
  const lent = counter(
    "gigastt_pool_lent_total",
    "Slots lent to another client, by the kind of work that was suspended.",
    ["kind"],
  );
  gauge(
    "gigastt_ws_active_connections",
    "Open WebSocket sessions, silent ones and those that wait for a slot included.",
    () => sources.sessions(),
  );
  gauge("gigastt_live_speaking", "Speaking live sessions, as counted by the engine.", () => sources.live().speaking);
  gauge(
    "gigastt_live_sustainable",
    "Speaking live sessions that the machine can keep up with, as measured.",
    () => sources.live().sustainable,
  );
  const liveRefusals = counter(
    "gigastt_live_refusals_total",
    "Live sessions refused because the machine cannot keep up with another one.",
  );
  const sessionSeconds = histogram("gigastt_ws_session_duration_seconds", "Length of sessions.", SESSION_BUCKETS_S);
  const closes = counter("gigastt_ws_closes_total", "Ended sessions by close code.", ["code"]);
  const firstPartial = histogram(
    "gigastt_first_partial_seconds",
    "From a session's first audio frame to its first partial.",
    INFERENCE_BUCKETS_S,
  );
  const inferenceSeconds = histogram("gigastt_inference_duration_seconds", "One inference run.", INFERENCE_BUCKETS_S);
  const realTimeFactor = histogram(
    "gigastt_inference_real_time_factor",
    "Inference time divided by audio time, per run.",
    [0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.7, 1, 2],
  );
  countFrom(
    "gigastt_audio_seconds_total",
    "Audio recognised, silence included.",
    () => sources.engine().audioSecondsTotal,
  );
  countFrom(
    "gigastt_encoder_audio_seconds_total",
    "Audio that the encoder saw: live audio up to 3.4 times, silence not at all.",
    () => sources.engine().encodedSecondsTotal,
  );
  countFrom(
    "gigastt_inference_seconds_total",
    "Time workers spent on it.",
    () => sources.engine().inferenceSecondsTotal,
  );
  countFrom("gigastt_worker_restarts_total", "Inference workers replaced.", () => sources.engine().workerRestartsTotal);
  gauge("gigastt_workers", "Inference workers.", () => sources.engine().workers);
  gauge("gigastt_workers_busy", "Inference workers at work.", () => sources.engine().busyWorkers);
  gauge("gigastt_inference_queue_windows", "Windows waiting for a worker.", () => sources.engine().queuedWindows);
  const rateLimited = counter("gigastt_rate_limit_rejections_total", "Requests refused by the rate limit.");
  gauge("gigastt_rate_limit_clients", "Clients remembered by the rate limit.", () => sources.rateBuckets());
  const forwardedMisuse = counter(
    "gigastt_forwarded_appended_total",
    "Requests whose trusted proxy appended to X-Forwarded-For instead of overwriting it.",
  );
  const job = (name: string, help: string, figure: keyof JobFigures): Gauge =>
    gauge(`gigastt_jobs_${name}`, help, () => sources.jobs()?.[figure] ?? 0);
  job("queued", "Jobs that wait.", "queued");
  job("active", "Jobs that run.", "active");
  job(
    "waiting_audio_seconds",
    "Audio of jobs that waits or runs, estimated from its size until its length is known.",
    "waitingAudioS",
  );
  job("oldest_seconds", "How long the oldest queued job has waited.", "oldestS");
  job("stuck", "Running jobs whose lease has ended; another run takes over.", "stuck");
  job("dead", "Jobs that failed after all attempts.", "dead");
  job("differing_replicas", "Replicas with the same jobs and another configuration.", "strangers");
  gauge("gigastt_archive_transcripts", "Archived transcripts.", () => sources.archive()?.transcripts ?? 0);
  gauge("gigastt_archive_audio_seconds", "Audio of archived transcripts.", () => sources.archive()?.audioS ?? 0);
  countFrom(
    "gigastt_archive_skipped_total",
    "Transcripts that could not be archived when they were finished.",
    () => sources.archive()?.skipped ?? 0,
  );
  gauge("gigastt_upload_bytes", "Memory held by request bodies.", () => sources.uploadBytes());
  gauge("gigastt_ready", "1 while new work is accepted.", () => Number(sources.ready()));
  gauge("gigastt_draining", "1 while the server drains.", () => Number(sources.draining()));
  const drained = counter("gigastt_drain_total", "Work a drain ended, by how it ended.", ["outcome"]);
  // Prometheus sees no increase in a series that begins with its first event: what alerts look at begins with zero.
  errors.inc({ code: "queue_full" }, 0);
  for (const outcome of ["flushed", "finished", "cut"]) drained.inc({ outcome }, 0);
  new Gauge({ name: "gigastt_build_info", help: "Always 1.", labelNames: ["version"], registers }).set({ version }, 1);
  applianceMetrics(registry, sources);
  activeResources(registry);
  const lag = eventLoopLag(registry);
  // Not prom-client's default set: it starts an observer and a sampler per call that nothing can stop.
  gauge("process_resident_memory_bytes", "Resident memory.", () => process.memoryUsage.rss());
  gauge("nodejs_heap_size_used_bytes", "JavaScript heap in use.", () => process.memoryUsage().heapUsed);
  gauge("nodejs_external_memory_bytes", "Memory of buffers outside the heap.", () => process.memoryUsage().external);
  countFrom("process_cpu_seconds_total", "CPU time of the process, workers included.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });

  const counters = registry.getMetricsAsArray().filter((metric) => metric instanceof Counter) as { name: string }[]; // which prom-client writes too
  const counterNames = counters.map(({ name }) => name);
  const read = async (accept = ""): ReturnType<Metrics["text"]> => {
    const isOpenMetrics = accept.includes("application/openmetrics-text");
    const form = isOpenMetrics ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE;
    registry.setContentType(form as Form);
    const text = { body: await registry.metrics(), contentType: registry.contentType };
    // prom-client 15.1.3 takes `_total` off its counters for OpenMetrics and leaves it off.
    for (const [index, counter] of counters.entries()) counter.name = counterNames[index]!;
    return text;
  };
  /** One after the other: the form is a state of the registry. */
  let reading: ReturnType<Metrics["text"]> = Promise.resolve({ body: "", contentType: "" });

  return {
    request: (method, route, status, seconds, names) => {
      const label = METHODS.has(method) ? method : "other";
      requests.inc({ method: label, path: route, status: String(status) });
      requestSeconds.observe({
        labels: { method: label, path: route },
        value: seconds,
        exemplarLabels: names === undefined ? {} : exemplar(names),
      });
    },
    error: (code) => errors.inc({ code }),
    checkout: (seconds) => checkoutSeconds.observe(seconds),
    checkoutTimeout: () => checkoutTimeouts.inc(),
    lent: (kind) => lent.inc({ kind }),
    liveRefused: () => liveRefusals.inc(),
    inference: (audioS, wallS) => {
      inferenceSeconds.observe(wallS);
      if (audioS > 0) realTimeFactor.observe(wallS / audioS);
    },
    rateLimited: () => rateLimited.inc(),
    forwardedMisuse: () => forwardedMisuse.inc(),
    sessionEnd: (closeCode, seconds) => {
      closes.inc({ code: closeLabel(closeCode) });
      sessionSeconds.observe(seconds);
    },
    firstPartial: (seconds) => firstPartial.observe(seconds),
    drain: (outcome, count) => drained.inc({ outcome }, count),
    text: (accept) =>
      (reading = reading.then(
        () => read(accept),
        () => read(accept),
      )),
    close: () => {
      lag.close();
      registry.clear();
    },
  };
}

function exemplar({ request_id, trace_id }: Exemplar): Record<string, string> {
  const names = { request_id, ...(trace_id === undefined ? {} : { trace_id }) };
  return Object.entries(names).flat().join("").length > LONGEST_EXEMPLAR ? {} : names;
}

/** The client may choose any of 2000 codes of its own: they are one series, or a client could make thousands. */
function closeLabel(code: number): string {
  return code >= 3000 ? "application" : String(code);
}

/** What keeps the event loop alive, by Node's own names: timers, sockets, files. What only ever grows is a leak. */
function activeResources(registry: Registry): void {
  const active = new Gauge({
    name: "gigastt_active_resources",
    help: "Timers, sockets and other things that keep the event loop alive.",
    labelNames: ["type"],
    registers: [registry],
    collect() {
      active.reset();
      for (const type of process.getActiveResourcesInfo()) active.inc({ type });
    },
  });
}

/** Event-loop lag since the previous scrape: what an operator needs to see that the HTTP thread never blocks. */
function eventLoopLag(registry: Registry): { close(): void } {
  const delay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  delay.enable();
  // Node records the time between two firings of its timer: what is above the timer's own period is the delay.
  const seconds = (nanoseconds: number): number =>
    Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e9 - LAG_RESOLUTION_MS / 1000) : 0;
  const lag = new Gauge({
    name: "gigastt_event_loop_lag_seconds",
    help: "Event-loop delay since the previous scrape.",
    labelNames: ["quantile"],
    registers: [registry],
    collect() {
      lag.set({ quantile: "0.5" }, seconds(delay.percentile(50)));
      lag.set({ quantile: "0.99" }, seconds(delay.percentile(99)));
      lag.set({ quantile: "1" }, seconds(delay.max));
      delay.reset();
    },
  });
  return { close: () => delay.disable() };
}
