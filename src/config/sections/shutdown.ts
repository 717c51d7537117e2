/** The end of a process. */
export const shutdown = {
  type: "object",
  title: "Shutting down",
  description: "What happens between the signal and the end of the process.",
  properties: {
    drain: {
      type: "string",
      "x-unit": "duration",
      "x-min": "1s",
      "x-max": "1h",
      title: "Drain window",
      description:
        "After SIGTERM or SIGINT every session gets the result of its audio so far; what is not done after this long is cut. Grace periods of systemd, compose and Kubernetes are derived from it.",
      default: "10s",
      "x-env": "GIGASTT_SHUTDOWN_DRAIN_SECS",
      "x-reload": "live",
    },
  },
} as const;
