/** The web console, the page at `/`. */
export const console = {
  type: "object",
  title: "Web console",
  description:
    "The page at / for people: files, microphone, status. It uses the same routes and the same protection as every other client.",
  properties: {
    enabled: {
      type: "boolean",
      title: "Page at /",
      description: "false = / and /console/ answer 404.",
      default: true,
      "x-reload": "live",
    },
    signInTime: {
      type: "string",
      "x-unit": "duration",
      "x-min": "1m",
      "x-max": "30d",
      title: "Sign-in time",
      description:
        "Where auth.keys is required, a browser that signed in with a key stays signed in for this time. Revoking the key ends it at once.",
      default: "12h",
      examples: ["12h", "7d"],
      "x-reload": "live",
    },
    frameOrigins: {
      type: "array",
      items: { type: "string", format: "origin", title: "Origin", description: "Scheme, host and port." },
      maxItems: 16,
      uniqueItems: true,
      title: "Pages that may show the console in a frame",
      description: "Origins such as a home automation's panel. Empty = no page may.",
      default: [],
      examples: [["https://home.example.com"]],
      "x-reload": "live",
    },
  },
} as const;
