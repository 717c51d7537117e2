/** The life of a WebSocket session. */
export const session = {
  type: "object",
  title: "WebSocket sessions",
  description: "How long a session may live, and how long it may stay silent.",
  properties: {
    idleTimeout: {
      type: "string",
      "x-unit": "duration",
      "x-min": "1s",
      "x-max": "1d",
      title: "Silence that ends a session",
      description:
        "No audio and no text frame for this long: error idle_timeout, final, close 1001. Pings do not count.",
      default: "300s",
      examples: ["300s", "30m"],
      "x-env": "GIGASTT_IDLE_TIMEOUT_SECS",
      "x-reload": "live",
    },
    maxDuration: {
      type: "string",
      "x-unit": "duration",
      "x-min": "0",
      "x-max": "30d",
      title: "Longest session",
      description: "Then: error max_session_duration_exceeded, final, close 1008. 0 = never.",
      default: "3600s",
      "x-env": "GIGASTT_MAX_SESSION_SECS",
      "x-reload": "live",
    },
    pingInterval: {
      type: "string",
      "x-unit": "duration",
      "x-min": "1s",
      "x-max": "30s",
      title: "Heartbeat",
      description:
        "The server pings each WebSocket this often, so that proxies keep it open and dead clients are noticed.",
      default: "30s",
      "x-reload": "live",
    },
  },
} as const;
