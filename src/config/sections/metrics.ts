/** Prometheus metrics. */
export const metrics = {
  type: "object",
  title: "Metrics",
  description: "Prometheus metrics.",
  properties: {
    enabled: {
      type: "boolean",
      title: "GET /metrics",
      description: "Serves Prometheus text on /metrics. The rendered proxies do not expose this route.",
      default: false,
      "x-env": "GIGASTT_METRICS",
      "x-reload": "live",
    },
  },
} as const;
