import { answers, lets, pageIsHidden, pageIsMisled, type Proof } from "./proof.ts";
import { SLOW } from "./upstream.ts";
import { ask, openSession, passes } from "./wire.ts";

const haproxy = (front: string, timers = "timeout client 5m\n  timeout server 20m", backend = ""): string => `defaults
  mode http
  timeout connect 2s
  ${timers}
frontend web
  bind 127.0.0.1:LISTEN
  ${front}
  default_backend stt
backend stt
  ${backend}
  server s1 127.0.0.1:UPSTREAM check inter 200ms
`;

const TIMERS = "timeout client 5m\n  timeout server 20m";

const OWN = "http-request set-header X-Forwarded-For %[src]";

const PROOFS: readonly Omit<Proof, "program">[] = [
  {
    rule: "GA-XFF-001",
    claims: "option forwardfor keeps the client's address",
    bad: haproxy("option forwardfor"),
    good: haproxy(OWN),
    fails: lets("X-Forwarded-For"),
  },
  {
    rule: "GA-XFF-001",
    claims: "without any header the client's address passes",
    bad: haproxy("option httpclose"),
    good: haproxy("http-request del-header X-Forwarded-For\n  option forwardfor"),
    fails: lets("X-Forwarded-For"),
  },
  {
    rule: "GA-STR-004",
    claims: "timeout server ends a silent session",
    bad: haproxy(OWN, "timeout client 20m\n  timeout server 1s"),
    good: haproxy(OWN, "timeout client 20m\n  timeout server 20m"),
    fails: sessionIsCut,
  },
  {
    rule: "GA-STR-004",
    claims: "timeout tunnel counts once the session is open, whatever the others say",
    bad: haproxy(OWN, "timeout client 20m\n  timeout server 20m\n  timeout tunnel 1s"),
    good: haproxy(OWN, "timeout client 1s\n  timeout server 20m\n  timeout tunnel 1h"),
    fails: sessionIsCut,
  },
  {
    rule: "GA-STR-005",
    claims: "timeout server ends an answer that takes longer",
    bad: haproxy(OWN, "timeout client 5m\n  timeout server 300ms"),
    good: haproxy(OWN),
    fails: answers(504, SLOW),
  },
  {
    rule: "GA-STR-008",
    claims: "a smaller limit refuses what the server takes",
    bad: haproxy(`${OWN}\n  http-request deny deny_status 413 if { req.body_size gt 1000 }`),
    good: haproxy(OWN),
    fails: answers(413, "/v1/transcribe", { method: "POST", bodyBytes: 2000 }),
  },
  {
    rule: "GA-STR-018",
    claims: "the prefix stays on the path",
    bad: haproxy(`${OWN}\n  use_backend stt if { path_beg /stt/ }`),
    good: haproxy(
      `${OWN}\n  use_backend stt if { path_beg /stt/ }`,
      TIMERS,
      "http-request replace-path /stt(/.*)? \\1",
    ),
    fails: answers(404, "/stt/v1/models"),
  },
  {
    rule: "GA-LIF-014",
    claims: "a health check of a wrong path takes the server away",
    bad: haproxy(OWN, TIMERS, "option httpchk GET /healthz"),
    good: haproxy(OWN, TIMERS, "option httpchk GET /ready"),
    fails: async ({ port }) => {
      await passes(1500);
      return (await ask(port, "/v1/models")).status === 503;
    },
  },
  {
    rule: "GA-EXP-021",
    claims: "the statistics ask for no password",
    bad: haproxy(`${OWN}\n  bind :ADMIN\n  stats uri /stats`),
    good: haproxy(`${OWN}\n  bind :ADMIN\n  stats uri /stats\n  stats auth anna:secret`),
    fails: answers(200, "/stats"),
  },
  {
    rule: "GA-EXP-021",
    claims: "stats admin takes a server out of service",
    bad: haproxy(`${OWN}\n  bind :ADMIN\n  stats uri /stats\n  stats admin if TRUE`),
    good: haproxy(`${OWN}\n  bind :ADMIN\n  stats uri /stats\n  stats admin if TRUE\n  stats auth anna:secret`),
    fails: async ({ port }) => {
      const form = "s=s1&action=maint&b=stt";
      await ask(port, "/stats", {
        method: "POST",
        headers: { "Content-Type": "application/x-www-form-urlencoded" },
        body: form,
      });
      return (await ask(port, "/v1/models")).status === 503;
    },
  },
  {
    rule: "GA-EXP-022",
    claims: "add-header sends a second header to the page",
    bad: haproxy(`${OWN}\n  http-response add-header Access-Control-Allow-Origin *`),
    good: haproxy(OWN),
    fails: pageIsMisled,
  },
  {
    rule: "GA-EXP-022",
    claims: "del-header hides the page from the server",
    bad: haproxy(`${OWN}\n  http-request del-header Origin`),
    good: haproxy(OWN),
    fails: pageIsHidden,
  },
];

export const OF_HAPROXY: readonly Proof[] = PROOFS.map((proof) => ({ ...proof, program: "haproxy" }));

// ---

async function sessionIsCut({ port }: Parameters<Proof["fails"]>[0]): Promise<boolean> {
  const session = await openSession(port);
  await passes(2500);
  const isCut = !session.isOpen();
  session.close();
  return isCut;
}
