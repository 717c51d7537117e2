/** Where the server keeps data that outlives it. */
export const store = {
  type: "object",
  title: "Store",
  description: "Data that the server keeps: API keys and their use.",
  properties: {
    dir: {
      type: ["string", "null"],
      format: "path",
      title: "Store folder",
      description:
        "SQLite files; mode 0700, on a local disk, created when first needed. null = `store` in the state folder (supervisor.stateDir).",
      default: null,
      examples: ["/var/lib/gigastt/store"],
      "x-reload": "handover",
    },
  },
} as const;
