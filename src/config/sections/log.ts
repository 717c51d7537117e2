/** The log. */
export const log = {
  type: "object",
  title: "Log",
  description: "JSON lines. Audio, transcripts and keys are never logged at any level.",
  properties: {
    level: {
      type: "string",
      enum: ["trace", "debug", "info", "warn", "error", "fatal"],
      title: "Log level",
      description: "info = starts, stops and each request; debug = also the steps of a session.",
      default: "info",
      "x-env": "GIGASTT_LOG_LEVEL",
      "x-reload": "live",
    },
    access: {
      type: "string",
      enum: ["off", "json", "combined"],
      title: "Access log",
      description:
        "One more line for each request: json = with client address, path, status, bytes and user agent; combined = the format of Apache and nginx. Never the query, and no text.",
      default: "off",
      "x-reload": "live",
    },
  },
} as const;
