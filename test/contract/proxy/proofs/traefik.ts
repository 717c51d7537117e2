import { answers, eventsComeTogether, lets, type Proof } from "./proof.ts";
import { SLOW } from "./upstream.ts";

const traefik = (point: string, middleware = ""): string => `entryPoints:
  web:
    address: 127.0.0.1:LISTEN
${point}
providers:
  file:
    filename: DIR/dynamic.yml
---
http:
  routers:
    stt:
      rule: PathPrefix(\`/\`)
      service: stt
${middleware === "" ? "" : `      middlewares: [m]\n  middlewares:\n    m:\n${middleware}`}
  services:
    stt:
      loadBalancer:
        servers:
          - url: http://127.0.0.1:UPSTREAM
`;

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
];

export const OF_TRAEFIK: readonly Proof[] = PROOFS.map((proof) => ({ ...proof, program: "traefik" }));
