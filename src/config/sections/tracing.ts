/** OpenTelemetry traces. */
export const tracing = {
  type: "object",
  title: "Traces",
  description:
    "Where the time of each request, session and job went, for an OpenTelemetry collector. No audio, no text, no names of files, no addresses.",
  properties: {
    endpoint: {
      type: ["string", "null"],
      format: "http-url",
      title: "Collector",
      description:
        "Full address for OTLP over HTTP; most collectors listen on port 4318, path /v1/traces. null = no traces. Headers that it asks for go into the variable OTEL_EXPORTER_OTLP_HEADERS.",
      default: null,
      examples: ["http://127.0.0.1:4318/v1/traces"],
      "x-reload": "handover",
    },
    sampleRatio: {
      type: "number",
      minimum: 0,
      maximum: 1,
      title: "Share of traces",
      description:
        "Share of requests, sessions and jobs that are traced, 0 to 1. Where a trusted proxy sends traceparent, the proxy decides.",
      default: 1,
      examples: [0.1],
      "x-reload": "handover",
    },
  },
} as const;
