import type { Context, HrTime } from "@opentelemetry/api";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import type { TracingConfig } from "../../config/types.ts";
import type { Logger } from "../../shared/log.ts";
import type { Clock } from "../../shared/time/clock.ts";
import { sleep } from "../../shared/time/timers.ts";
import { NO_TRACING } from "./trace.ts";
import type { Tracing } from "./trace.ts";

export interface TracingOptions {
  readonly config: TracingConfig;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Pick<Logger, "warn">;
}

/** Loads OpenTelemetry where the configuration names a collector, and nothing otherwise. */
export async function openTracing({ config, version, clock, log }: TracingOptions): Promise<Tracing> {
  if (config.endpoint === null) return NO_TRACING;
  const [api, sdk, resources, otlp] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/sdk-trace"),
    import("@opentelemetry/resources"),
    import("@opentelemetry/exporter-trace-otlp-http"),
  ]);
  const provider = new sdk.TracerProvider({
    resource: resources
      .resourceFromAttributes({ "service.name": "gigastt", "service.version": version })
      .merge(resources.detectResources({ detectors: [resources.envDetector] })),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(config.sampleRatio) }),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: reporting(new otlp.OTLPTraceExporter({ url: config.endpoint, timeoutMillis: SEND_MS }), clock, log),
        scheduledDelayMillis: COLLECT_MS,
      }),
    ],
  });
  const tracer = provider.getTracer("gigastt", version);
  /** Unix time with all its digits: steps are shorter than a millisecond. */
  const time = (monotonicMs: number): HrTime => {
    const unixMs = clock.nowMs() - clock.monotonicMs() + monotonicMs;
    return [Math.floor(unixMs / 1000), Math.round((unixMs % 1000) * 1e6)];
  };
  const parentOf = (traceparent: string | undefined): Context => {
    const [, traceId, spanId, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent ?? "") ?? [];
    const parent = {
      traceId: traceId ?? "",
      spanId: spanId ?? "",
      traceFlags: Number.parseInt(flags ?? "0", 16),
      isRemote: true,
    };
    return api.isSpanContextValid(parent) ? api.trace.setSpanContext(api.ROOT_CONTEXT, parent) : api.ROOT_CONTEXT;
  };

  return {
    begin: ({ name, kind, startMs, attributes, traceparent }) => {
      const spanKind = kind === "server" ? api.SpanKind.SERVER : api.SpanKind.CONSUMER;
      const root = tracer.startSpan(
        name,
        { kind: spanKind, startTime: time(startMs), attributes },
        parentOf(traceparent),
      );
      if (!root.isRecording()) return undefined;
      const inside = api.trace.setSpan(api.ROOT_CONTEXT, root);
      let steps = 0;
      return {
        id: root.spanContext().traceId,
        step: (step, fromMs, toMs, more = {}) => {
          if (++steps > MOST_STEPS) return;
          tracer.startSpan(step, { startTime: time(fromMs), attributes: more }, inside).end(time(toMs));
        },
        end: (toMs, more, { name: whole, isFailed }) => {
          if (whole !== undefined) root.updateName(whole);
          root.setAttributes({
            ...more,
            ...(steps > MOST_STEPS ? { "gigastt.steps_left_out": steps - MOST_STEPS } : {}),
          });
          if (isFailed) root.setStatus({ code: api.SpanStatusCode.ERROR });
          root.end(time(toMs));
        },
      };
    },
    close: () => Promise.race([provider.shutdown().catch(() => {}), sleep(CLOSE_MS, { ref: false })]),
  };
}

// ---

/** A session of a day has tens of thousands of windows. */
const MOST_STEPS = 1000;
/** Spans that end within this time are sent together. */
const COLLECT_MS = 1000;
/** Limit for sending them, the SDK's own repetitions included. */
const SEND_MS = 5000;
const CLOSE_MS = 2000;
const REPORT_EVERY_MS = 60_000;

/** The SDK itself writes to its own diagnostics only; here the log says, once a minute, that a collector cannot be reached. */
function reporting(exporter: SpanExporter, clock: Clock, log: TracingOptions["log"]): SpanExporter {
  let lostSpans = 0;
  let reportedMs = -Infinity;
  return {
    export: (spans: ReadableSpan[], done) =>
      exporter.export(spans, (result) => {
        if (result.error !== undefined) {
          lostSpans += spans.length;
          if (clock.monotonicMs() - reportedMs >= REPORT_EVERY_MS) {
            log.warn("traces_not_sent", {
              spans: lostSpans,
              reason: result.error.message,
              cure: "check tracing.endpoint and that the collector takes OTLP over HTTP",
            });
            reportedMs = clock.monotonicMs();
            lostSpans = 0;
          }
        }
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
  };
}
