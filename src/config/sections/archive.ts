/** Finished transcripts that can be searched. */
export const archive = {
  type: "object",
  title: "Archive",
  description:
    "Finished transcripts are kept with words and times, and can be searched. Off by default: with it the server keeps what was said until it is deleted.",
  properties: {
    enabled: {
      type: "boolean",
      title: "Keep transcripts in an archive",
      description: "Opens /v1/archive. Until then these routes answer 404 archive_disabled.",
      default: false,
      examples: [true],
      "x-reload": "handover",
    },
    dir: {
      type: ["string", "null"],
      format: "path",
      title: "Folder of the archive",
      description:
        "Transcripts and their index, a SQLite file; mode 0700. null = archive in the state folder (supervisor.stateDir).",
      default: null,
      examples: ["/var/lib/gigastt/archive"],
      "x-reload": "handover",
    },
    shared: {
      type: "boolean",
      title: "One archive for all clients",
      description:
        "Every client that may use the server reads and deletes every transcript. Without API keys the server cannot tell clients apart, so the archive needs it. With auth.keys: required it stays off: a key sees its own transcripts, one with the scope admin all.",
      default: false,
      "x-reload": "live",
    },
    jobs: {
      type: "boolean",
      title: "Archive jobs",
      description: "Transcripts of finished jobs. A job with archive=false stays out.",
      default: true,
      "x-reload": "live",
    },
    requests: {
      type: "boolean",
      title: "Archive requests",
      description: "Transcripts that a request gets in its answer. One with archive=false in its query stays out.",
      default: false,
      "x-reload": "live",
    },
    sessions: {
      type: "boolean",
      title: "Archive live sessions",
      description: "What a live session said, from its start to its end, as one transcript.",
      default: false,
      "x-reload": "live",
    },
    keep: {
      type: "string",
      "x-unit": "duration",
      "x-min": "0",
      "x-max": "36500d",
      title: "Keep transcripts",
      description: "Older ones are deleted. 0 = until they are deleted by hand.",
      default: "0",
      examples: ["365d"],
      "x-reload": "live",
    },
    diskReserve: {
      type: "string",
      "x-unit": "bytes",
      "x-min": "0B",
      "x-max": "1000GiB",
      title: "Free disk space to keep",
      description:
        "With less free space nothing is added, and a warning is logged. Answers and jobs are not affected; jobs are added later.",
      default: "1GiB",
      "x-reload": "live",
    },
  },
} as const;
