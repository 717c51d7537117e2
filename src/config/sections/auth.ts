/** Keys that the server itself checks. */
export const auth = {
  type: "object",
  title: "API keys",
  description:
    "Keys that the server checks itself, each with its own rights and limits. Behind a proxy that authenticates they are not needed.",
  properties: {
    keys: {
      type: "string",
      enum: ["off", "required"],
      title: "API keys",
      description:
        "required = every request needs a key, except probes and the console's page. Create keys with `gigastt secrets create key NAME`. Behind a proxy, set deploy.auth.kind: server.",
      default: "off",
      "x-reload": "handover",
    },
    queryParameter: {
      type: "boolean",
      title: "Accept keys in the URL",
      description:
        "Accepts `?api_key=…` for clients that cannot send headers. URLs are stored in the logs of proxies and browsers, so leave it off where you can.",
      default: false,
      "x-reload": "live",
    },
  },
} as const;
