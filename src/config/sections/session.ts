/** The life of a WebSocket session. */
export const session = {
  type: "object",
  title: "WebSocket sessions",
  description: "How long a session may last, and how long it may stay idle.",
  properties: {
    idleTimeout: {
      type: "string",
      "x-unit": "duration",
      "x-min": "1s",
      "x-max": "1d",
      title: "Session idle timeout",
      description:
        "After this time without an audio or text frame the client gets error idle_timeout, its final result and close 1001. Pings do not count.",
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
      title: "Maximum session length",
      description:
        "After this time the client gets error max_session_duration_exceeded, its final result and close 1008. 0 = no limit.",
      default: "3600s",
      "x-env": "GIGASTT_MAX_SESSION_SECS",
      "x-reload": "live",
    },
    pingInterval: {
      type: "string",
      "x-unit": "duration",
      "x-min": "1s",
      "x-max": "30s",
      title: "Ping interval",
      description:
        "The server pings each WebSocket at this interval: proxies keep it open, and lost clients are detected.",
      default: "30s",
      "x-reload": "live",
    },
  },
} as const;
