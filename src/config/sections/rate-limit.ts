/** Token bucket per client address. */
export const rateLimit = {
  type: "object",
  title: "Rate limit",
  description:
    "A token bucket per client address, for the /v1 routes and the WebSocket upgrade. IPv6 clients are counted by /64.",
  properties: {
    perMinute: {
      type: "integer",
      minimum: 0,
      maximum: 60_000,
      title: "Requests per minute",
      description: "Sustained rate. 0 = no rate limit.",
      default: 0,
      "x-env": "GIGASTT_RATE_LIMIT_PER_MINUTE",
      "x-reload": "live",
    },
    burst: {
      type: "integer",
      minimum: 1,
      maximum: 60_000,
      title: "Burst",
      description: "Size of the bucket: how many requests a client may send at once after a quiet time.",
      default: 10,
      "x-env": "GIGASTT_RATE_LIMIT_BURST",
      "x-reload": "live",
    },
  },
} as const;
