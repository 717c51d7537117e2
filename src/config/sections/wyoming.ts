/** The Wyoming protocol of Home Assistant, on a port of its own. */
export const wyoming = {
  type: "object",
  title: "Wyoming protocol",
  description:
    "Speech-to-text for Home Assistant and other Wyoming clients. The protocol has no TLS and no passwords: any program that reaches the port can use it.",
  properties: {
    enabled: {
      type: "boolean",
      title: "Enable Wyoming",
      description: "Opens the Wyoming port.",
      default: false,
      "x-reload": "restart",
    },
    host: {
      type: "string",
      format: "host",
      title: "Wyoming listening address",
      description:
        "An IP address or host name of this machine. The default serves a Home Assistant on this machine; any other address needs server.allowBindAny.",
      default: "127.0.0.1",
      examples: ["127.0.0.1", "0.0.0.0"],
      "x-reload": "restart",
    },
    port: {
      type: "integer",
      minimum: 0,
      maximum: 65535,
      title: "Wyoming port",
      description: "TCP port. 0 = any free port; the log says which one.",
      default: 10_300,
      "x-reload": "restart",
    },
    socket: {
      type: ["string", "null"],
      format: "absolute-path",
      title: "Wyoming unix socket",
      description: "Path of a unix socket to listen on instead of host and port. Its group may connect (mode 0660).",
      default: null,
      examples: ["/run/gigastt/wyoming.sock"],
      "x-reload": "restart",
    },
    allowWithoutKey: {
      type: "boolean",
      title: "Allow Wyoming without a key",
      description:
        "Wyoming carries no API keys. With auth.keys: required, an address other than loopback is refused unless this is true: then a firewall must protect the port.",
      default: false,
      "x-reload": "restart",
    },
    endpoint: {
      type: "string",
      enum: ["auto", "assistant", "manual"],
      title: "End of a voice command",
      description:
        "assistant = the transcript is sent as soon as the speaker falls silent; auto = also when background noise goes on after the words; manual = only after audio-stop. Audio that arrives faster than real time is a recording and is always read to its end.",
      default: "assistant",
      "x-reload": "live",
    },
    zeroconf: {
      type: "boolean",
      title: "Announce by Zeroconf",
      description:
        "Home Assistant finds the server by itself (mDNS, _wyoming._tcp). Needs a host other than loopback; in a container also host networking or advertise.",
      default: false,
      "x-reload": "handover",
    },
    advertise: {
      type: ["string", "null"],
      format: "host",
      title: "Announced address",
      description:
        "IP address to announce instead of this machine's own, for example the host's address when the server runs in a container.",
      default: null,
      examples: ["192.168.1.10"],
      "x-reload": "handover",
    },
  },
} as const;
