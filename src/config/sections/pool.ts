/** How much runs at once and how much may wait. */
export const pool = {
  type: "object",
  title: "Concurrency and queue",
  description: "How many sessions run at the same time, and how many requests may wait for a free slot.",
  properties: {
    size: {
      type: "integer",
      minimum: 1,
      maximum: 1024,
      title: "Concurrent sessions",
      description:
        "WebSocket sessions while they speak and running transcriptions together. A session needs few resources; recognition runs in engine.workers.",
      default: 4,
      "x-env": "GIGASTT_POOL_SIZE",
      "x-reload": "live",
    },
    checkoutTimeout: {
      type: "string",
      "x-unit": "duration",
      "x-min": "0",
      "x-max": "1h",
      title: "Queue timeout",
      description:
        "After this time in the queue the client gets 503 timeout with a realistic Retry-After. 0 = do not wait.",
      default: "30s",
      "x-env": "GIGASTT_POOL_CHECKOUT_TIMEOUT_SECS",
      "x-reload": "live",
    },
    holdTimeout: {
      type: "string",
      "x-unit": "duration",
      "x-min": "0",
      "x-max": "1h",
      title: "Queue timeout of the OpenAI routes",
      description:
        "Clients of these routes stream their upload and never repeat it, so they wait this long in the queue, and for a model that is loading; checkoutTimeout counts where it is longer. A client that closes its connection leaves the queue. Proxies wait as long.",
      default: "5m",
      examples: ["5m", "30m"],
      "x-reload": "live",
    },
    queue: {
      type: "integer",
      minimum: 0,
      maximum: 100_000,
      title: "Queue length",
      description: "When the queue is full, new requests get 503 queue_full. 0 = no queue.",
      default: 32,
      "x-reload": "live",
    },
  },
} as const;
