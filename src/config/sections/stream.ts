/** Live recognition. */
export const stream = {
  type: "object",
  title: "Live recognition",
  description:
    "Defaults for live sessions. A client may set its own endpoint, silence and commit policy in its configure message.",
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
      description: "Shorter = faster final results, longer = fewer broken sentences.",
      default: "600ms",
      "x-reload": "live",
    },
    commitPolicy: {
      type: "string",
      enum: ["auto", "on_finalize", "stable_prefix"],
      title: "When words become final",
      description:
        "auto = words that stay the same in all partial results for 1.5 s; stable_prefix = after two equal partial results: sooner, with some more wrong words; on_finalize = only in the final result.",
      default: "auto",
      "x-reload": "live",
    },
    partialIntervalMin: {
      type: "string",
      "x-unit": "duration",
      "x-min": "50ms",
      "x-max": "1500ms",
      title: "Shortest interval of partial results",
      description: "Used while the machine has free capacity.",
      default: "240ms",
      "x-reload": "handover",
    },
    partialIntervalMax: {
      type: "string",
      "x-unit": "duration",
      "x-min": "50ms",
      "x-max": "1500ms",
      title: "Longest interval of partial results",
      description: "Under load the interval grows up to this.",
      default: "1500ms",
      "x-reload": "handover",
    },
  },
} as const;
