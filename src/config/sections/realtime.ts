/** Sessions of OpenAI's Realtime API. */
export const realtime = {
  type: "object",
  title: "Realtime API",
  description:
    "Sessions at /v1/realtime, for clients of OpenAI's Realtime API. What is not here is as in the section session.",
  properties: {
    idleTimeout: {
      type: "string",
      "x-unit": "duration",
      "x-min": "1s",
      "x-max": "1d",
      title: "Session idle timeout",
      description:
        "After this time without an event the session is closed with 1001. Voice agents such as LiveKit keep unused connections for 10 minutes: keep it longer than that.",
      default: "15m",
      "x-reload": "live",
    },
  },
} as const;
