import { answers, lets, type Proof } from "./proof.ts";
import { SLOW } from "./upstream.ts";
import { openSession, passes } from "./wire.ts";

const haproxy = (front: string, timers = "timeout client 5m\n  timeout server 20m"): string => `defaults
  mode http
  timeout connect 2s
  ${timers}
frontend web
  bind 127.0.0.1:LISTEN
  ${front}
  default_backend stt
backend stt
  server s1 127.0.0.1:UPSTREAM
`;

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
