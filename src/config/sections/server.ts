/** Where the service listens, whom it trusts, which browsers may call it. */
export const server = {
  type: "object",
  title: "Listening address and trust",
  description: "Where the service listens, which proxies it believes and which browser pages may call it.",
  properties: {
    host: {
      type: "string",
      format: "host",
      title: "Listening address",
      description:
        "An IP address or host name of this machine. The default is reachable from this machine only; anything else needs allowBindAny, because the service itself has neither TLS nor passwords: those belong to the proxy in front.",
      default: "127.0.0.1",
      examples: ["127.0.0.1", "0.0.0.0", "::1"],
      "x-env": "GIGASTT_HOST",
      "x-reload": "restart",
    },
    port: {
      type: "integer",
      minimum: 0,
      maximum: 65535,
      title: "Listening port",
      description: "The TCP port for HTTP and WebSocket. 0 takes any free port and says which one.",
      default: 9876,
      examples: [9876, 8080],
      "x-env": "GIGASTT_PORT",
      "x-reload": "restart",
    },
    allowBindAny: {
      type: "boolean",
      title: "Permission to listen beyond loopback",
      description:
        "A host other than loopback is refused while this is false. Turn it on in a container or behind a firewall.",
      default: false,
      "x-env": "GIGASTT_ALLOW_BIND_ANY",
      "x-reload": "restart",
    },
    lan: {
      type: "boolean",
      title: "Home network convenience",
      description:
        "Listens with a self-signed certificate and shows the address as a QR code. For a home network, never for a container.",
      default: false,
      "x-reload": "restart",
    },
    trustedProxies: {
      type: "array",
      items: { type: "string", format: "cidr", title: "Proxy network", description: "A network in CIDR notation." },
      maxItems: 256,
      uniqueItems: true,
      title: "Proxies whose client address is believed",
      description:
        "Networks (CIDR) of the proxies in front. Only a peer in one of them may name the client in X-Forwarded-For or X-Real-IP; everybody else is the client. The variable also takes 0 (none) and 1 (proxies on this machine).",
      default: [],
      examples: [["127.0.0.1/32", "::1/128"]],
      "x-env": "GIGASTT_TRUST_PROXY",
      "x-env-values": { "0": [], "1": ["127.0.0.1/32", "::1/128"] },
      "x-reload": "live",
    },
    allowedOrigins: {
      type: "array",
      items: {
        type: "string",
        format: "origin",
        title: "Origin",
        description: "Scheme, host and port as browsers send them.",
      },
      maxItems: 256,
      uniqueItems: true,
      title: "Browser origins besides loopback",
      description:
        "Pages of these origins may call the service from a browser. Behind a proxy that is the public address, for example https://stt.example.com. Pages on localhost are always allowed.",
      default: [],
      examples: [["https://stt.example.com"]],
      "x-reload": "live",
    },
    corsAllowAny: {
      type: "boolean",
      title: "Any page may call",
      description:
        "Lets every web page in the world call the service from its visitor's browser. It is warned about at every start.",
      default: false,
      "x-reload": "live",
    },
    allowedHosts: {
      type: "array",
      items: {
        type: "string",
        format: "host-pattern",
        title: "Host name",
        description: "A name, or *.name for all names below it.",
      },
      maxItems: 256,
      uniqueItems: true,
      title: "Names of this server",
      description:
        "Names in the Host header besides addresses, names without a dot, this machine's own name, deploy.domain and the hosts of allowedOrigins. Requests under any other name are refused: this stops DNS rebinding.",
      default: [],
      examples: [["stt.example.com", "*.stt.svc.cluster.local"]],
      "x-reload": "live",
    },
    keepAliveTimeout: {
      type: "string",
      "x-unit": "duration",
      "x-min": "1s",
      "x-max": "1h",
      title: "Idle HTTP connection",
      description:
        "How long an HTTP connection without a request is kept. It must be longer than the proxy keeps it (the rendered proxies use 30s), else requests are lost now and then to a 502.",
      default: "65s",
      "x-reload": "handover",
    },
    headersTimeout: {
      type: "string",
      "x-unit": "duration",
      "x-min": "2s",
      "x-max": "1h",
      title: "Time for the request's headers",
      description:
        "A connection whose headers are not complete after this long is closed. Must be longer than keepAliveTimeout.",
      default: "70s",
      "x-reload": "handover",
    },
  },
} as const;
