/** The WebSocket protocol of vosk-server, on a port of its own. */
export const vosk = {
  type: "object",
  title: "Vosk protocol",
  description:
    "The WebSocket protocol of vosk-server, for FreeSWITCH, Asterisk and Jigasi. It has no TLS and no passwords: any program that reaches the port can use it.",
  properties: {
    enabled: {
      type: "boolean",
      title: "Enable Vosk",
      description: "Opens the Vosk port.",
      default: false,
      "x-reload": "restart",
    },
    host: {
      type: "string",
      format: "host",
      title: "Vosk listening address",
      description:
        "An IP address or host name of this machine. The default serves a telephone exchange on this machine; any other address needs server.allowBindAny.",
      default: "127.0.0.1",
      examples: ["127.0.0.1", "0.0.0.0"],
      "x-reload": "restart",
    },
    port: {
      type: "integer",
      minimum: 0,
      maximum: 65535,
      title: "Vosk port",
      description: "TCP port. 0 = any free port; the log says which one.",
      default: 2700,
      "x-reload": "restart",
    },
    sampleRate: {
      type: "integer",
      minimum: 4000,
      maximum: 192_000,
      title: "Vosk default sample rate",
      description:
        "Rate in Hz of the audio of clients that send no config message. FreeSWITCH and Asterisk send none and use 8000.",
      default: 8000,
      examples: [8000, 16_000],
      "x-reload": "live",
    },
  },
} as const;
