/** How much runs at once and how much may wait. */
export const pool = {
  type: "object",
  title: "Concurrency and the queue",
  description: "How many sessions run at once and how many may wait for a free slot.",
  properties: {
    size: {
      type: "integer",
      minimum: 1,
      maximum: 1024,
      title: "Sessions at once",
      description:
        "Sessions that speak and running transcriptions together. A session costs little; recognition itself runs in engine.workers.",
      default: 4,
      "x-env": "GIGASTT_POOL_SIZE",
      "x-reload": "live",
    },
    checkoutTimeout: {
      type: "string",
      "x-unit": "duration",
      "x-min": "0",
      "x-max": "1h",
      title: "Longest wait for a slot",
      description: "Then the client gets 503 timeout and an honest Retry-After. 0 = do not wait.",
      default: "30s",
      "x-env": "GIGASTT_POOL_CHECKOUT_TIMEOUT_SECS",
      "x-reload": "live",
    },
    queue: {
      type: "integer",
      minimum: 0,
      maximum: 100_000,
      title: "Length of the queue",
      description: "A request that arrives while the queue is full gets 503 queue_full at once. 0 = no queue.",
      default: 32,
      "x-reload": "live",
    },
  },
} as const;
