/** Live recognition. */
export const stream = {
  type: "object",
  title: "Live recognition",
  description:
    "Defaults of a live session. A client may choose its own endpoint, silence and commit policy in its configure message.",
  properties: {
    endpoint: {
      type: "string",
      enum: ["auto", "assistant", "manual"],
      title: "End of an utterance",
      description:
        "auto = at a pause in speech or in the text, assistant = only after real trailing silence, manual = only when the client stops.",
      default: "auto",
      "x-reload": "live",
    },
    minSilence: {
      type: "string",
      "x-unit": "duration",
      "x-min": "100ms",
      "x-max": "10s",
      title: "Pause that ends an utterance",
      description: "Shorter = quicker finals, longer = fewer broken sentences.",
      default: "600ms",
      "x-reload": "live",
    },
    commitPolicy: {
      type: "string",
      enum: ["auto", "on_finalize", "stable_prefix"],
      title: "When words become final",
      description:
        "auto = words that every partial of 1.5 s agrees on, stable_prefix = sooner, when two agree, at the price of some wrong words, on_finalize = only with the final.",
      default: "auto",
      "x-reload": "live",
    },
    partialIntervalMin: {
      type: "string",
      "x-unit": "duration",
      "x-min": "50ms",
      "x-max": "1500ms",
      title: "Quickest partials",
      description: "Partials come this often while the machine is free.",
      default: "240ms",
      "x-reload": "handover",
    },
    partialIntervalMax: {
      type: "string",
      "x-unit": "duration",
      "x-min": "50ms",
      "x-max": "1500ms",
      title: "Slowest partials",
      description: "Under load partials become rarer, but never later than this.",
      default: "1500ms",
      "x-reload": "handover",
    },
  },
} as const;
