/** Prometheus metrics. */
export const metrics = {
  type: "object",
  title: "Metrics",
  description: "Numbers for Prometheus.",
  properties: {
    enabled: {
      type: "boolean",
      title: "GET /metrics",
      description: "Answers Prometheus text on /metrics. The rendered proxies keep the route closed to the outside.",
      default: false,
      "x-env": "GIGASTT_METRICS",
      "x-reload": "live",
    },
  },
} as const;
