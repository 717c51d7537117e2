import { type CasesOfRule, casesOf, COMPOSE, DOCKER, KUBE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-SBX-004", [
  { name: "latest", ...COMPOSE, from: "caddy:2.11.4", to: "caddy:latest", at: "latest" },
  { name: "no tag in Kubernetes", ...KUBE, from: "gigastt:0.1.0", to: "gigastt", at: "image" },
  {
    name: "moving base image",
    ...DOCKER,
    from: "",
    to: "",
    add: {
      "Dockerfile.two":
        'FROM node:latest\nCOPY . /gigastt\nUSER 10001\nCMD ["node", "/gigastt/bin/gigastt.js", "serve"]\n',
    },
    at: "FROM",
  },
]);
