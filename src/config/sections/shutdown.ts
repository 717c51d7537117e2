/** The end of a process. */
export const shutdown = {
  type: "object",
  title: "Shutdown",
  description: "What happens between the stop signal and the end of the process.",
  properties: {
    drain: {
      type: "string",
      "x-unit": "duration",
      "x-min": "1s",
      "x-max": "1h",
      title: "Drain time",
      description:
        "After SIGTERM or SIGINT each session receives the final result of its audio so far. Work that is not finished after this time is cut off. The grace periods of systemd, compose and Kubernetes are derived from it.",
      default: "10s",
      "x-env": "GIGASTT_SHUTDOWN_DRAIN_SECS",
      "x-reload": "live",
    },
  },
} as const;
