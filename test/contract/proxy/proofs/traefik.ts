import { answers, eventsComeTogether, HASH, lets, pageIsHidden, pageIsMisled, type Proof } from "./proof.ts";
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

/** With a password for whom `m` is named. */
const dashboard = (more: string): string =>
  traefik(`${NO_TIMER}\napi: {}`, `      basicAuth: { users: ["anna:${HASH}"] }`)
    .replace("127.0.0.1:LISTEN", ":LISTEN")
    .replace("    ready:", `    api: { rule: PathPrefix(\`/api\`), service: api@internal${more} }\n    ready:`);

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
  {
    rule: "GA-EXP-021",
    claims: "api.insecure serves the dashboard to every client",
    bad: traefik(`${NO_TIMER}\n  traefik: { address: ":ADMIN" }\napi: { insecure: true }`),
    good: traefik(`${NO_TIMER}\n  traefik: { address: ":ADMIN" }\napi: {}`),
    fails: async ({ adminPort }) => (await ask(adminPort, "/api/rawdata")).status === 200,
  },
  {
    rule: "GA-EXP-021",
    claims: "a router to the dashboard asks for no password",
    bad: dashboard(""),
    good: dashboard(", middlewares: [m]"),
    fails: answers(200, "/api/rawdata"),
  },
  {
    rule: "GA-EXP-022",
    claims: "accessControlAllowOriginList answers in the server's place",
    bad: traefik(NO_TIMER, '      headers: { accessControlAllowOriginList: ["*"] }'),
    good: traefik(NO_TIMER),
    fails: pageIsMisled,
  },
  {
    rule: "GA-EXP-022",
    claims: "customRequestHeaders hides the page from the server",
    bad: traefik(NO_TIMER, '      headers: { customRequestHeaders: { Origin: "" } }'),
    good: traefik(NO_TIMER),
    fails: pageIsHidden,
  },
];

export const OF_TRAEFIK: readonly Proof[] = PROOFS.map((proof) => ({ ...proof, program: "traefik" }));
