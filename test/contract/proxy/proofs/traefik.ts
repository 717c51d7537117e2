import { answers, eventsComeTogether, lets, type Proof } from "./proof.ts";
import { SLOW } from "./upstream.ts";
import { ask, passes } from "./wire.ts";

const traefik = (point: string, middleware = "", rule = "PathPrefix(`/`)", more = ""): string => `entryPoints:
  web:
    address: 127.0.0.1:LISTEN
${point}
providers:
  file:
    filename: DIR/dynamic.yml
---
http:
  routers:
    ready: { rule: Path(\`/health\`), service: stt }
    stt:
      rule: ${rule}
      service: stt
${middleware === "" ? "" : `      middlewares: [m]\n  middlewares:\n    m:\n${middleware}`}
  services:
    stt:
      loadBalancer:${more}
        servers:
          - url: http://127.0.0.1:UPSTREAM
`;

const BELOW = "PathPrefix(`/stt`)";
const NO_TIMER = "    transport: { respondingTimeouts: { readTimeout: 0s } }";

const PROOFS: readonly Omit<Proof, "program">[] = [
  {
    rule: "GA-XFF-001",
    claims: "forwardedHeaders.insecure keeps the client's address",
    bad: traefik(`    forwardedHeaders: { insecure: true }\n${NO_TIMER}`),
    good: traefik(NO_TIMER),
    fails: lets("X-Forwarded-For"),
  },
  {
    rule: "GA-STR-013",
    claims: "readTimeout ends an upload that takes longer",
    bad: traefik("    transport: { respondingTimeouts: { readTimeout: 500ms } }"),
    good: traefik(NO_TIMER),
    fails: answers((status) => status !== 200, "/v1/transcribe", { method: "POST", isSlow: true }),
  },
  {
    rule: "GA-STR-005",
    claims: "writeTimeout ends an answer that takes longer",
    bad: traefik("    transport: { respondingTimeouts: { readTimeout: 0s, writeTimeout: 300ms } }"),
    good: traefik(NO_TIMER),
    fails: answers((status) => status !== 200, SLOW),
  },
  {
    rule: "GA-STR-008",
    claims: "maxRequestBodyBytes refuses what the server takes",
    bad: traefik(NO_TIMER, "      buffering: { maxRequestBodyBytes: 1000 }"),
    good: traefik(NO_TIMER),
    fails: answers(413, "/v1/transcribe", { method: "POST", bodyBytes: 2000 }),
  },
  {
    rule: "GA-STR-009",
    claims: "the buffering middleware holds events back",
    bad: traefik(NO_TIMER, "      buffering: { memRequestBodyBytes: 2000000 }"),
    good: traefik(NO_TIMER),
    fails: eventsComeTogether,
  },
  {
    rule: "GA-STR-018",
    claims: "the prefix stays on the path",
    bad: traefik(NO_TIMER, "", BELOW),
    good: traefik(NO_TIMER, "      stripPrefix: { prefixes: [/stt] }", BELOW),
    fails: answers(404, "/stt/v1/models"),
  },
  {
    rule: "GA-LIF-014",
    claims: "a health check of a wrong path takes the server away",
    bad: traefik(NO_TIMER, "", undefined, "\n        healthCheck: { path: /healthz, interval: 200ms }"),
    good: traefik(NO_TIMER, "", undefined, "\n        healthCheck: { path: /ready, interval: 200ms }"),
    fails: async ({ port }) => {
      await passes(1500);
      return (await ask(port, "/v1/models")).status === 503;
    },
  },
];

export const OF_TRAEFIK: readonly Proof[] = PROOFS.map((proof) => ({ ...proof, program: "traefik" }));
