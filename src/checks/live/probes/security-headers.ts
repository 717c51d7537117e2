import type { Answer } from "../../../shared/outside/client.ts";
import { verdictOf, type Problem } from "../../../audit/observe/verdict.ts";
import { problem, valuesOf, refused } from "../kit.ts";
import type { LiveContext } from "../context.ts";
import type { Probe } from "../probe.ts";

const WANTED: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["x-content-type-options", /^nosniff$/i],
  ["x-frame-options", /^(?:DENY|SAMEORIGIN)$/i],
  ["referrer-policy", /^no-referrer$/i],
  ["permissions-policy", /microphone=/i],
  ["content-security-policy", /default-src '(?:none|self)'/i],
];

export const probe: Probe = {
  id: "GA-LIV-013",
  severity: "warning",
  confidence: "certain",
  title: "Security headers are missing, also on error answers",
  why: "nginx leaves add_header out of answers from 400 on without `always`, and a location with one header of its own loses all the others; Caddy's error answers take another route. What protects the pages must be on the refusals too: they carry text that an attacker chose.",
  evidence: ["Read: the answers 200, 404, 401 (without credentials) and 413 (announced over limits.body)."],
  reads: [
    "GET /health",
    "GET of a missing page",
    "GET /v1/models without credentials",
    "POST /v1/transcribe over the limit",
  ],
  fixKind: "manual",
  sameAs: [],
  run: async (live) => {
    const problems: Problem[] = [];
    const seen: number[] = [];
    for (const [request, answer] of await answers(live)) {
      if (answer === undefined) continue;
      seen.push(answer.status);
      const wanted =
        live.target.url.protocol === "https:" && valuesOf(live.health, "strict-transport-security").length > 0
          ? [...WANTED, ["strict-transport-security", /max-age/i] as const]
          : WANTED;
      const missing = wanted.filter(([name, pattern]) => !pattern.test(String(answer.headers[name] ?? "").trim()));
      const twice = WANTED.filter(([name]) => valuesOf(answer, name).length > 1).map(([name]) => name);
      if (missing.length > 0)
        problems.push(
          problem(live, request, `${answer.status} without ${missing.map(([name]) => name).join(", ")}`, {
            message: `the answer ${answer.status} lacks ${missing.map(([name]) => name).join(", ")}`,
            fix: "Render the proxy's file again; by hand: nginx `add_header … always` in the server and in no location, Caddy `header` in handle_errors too.",
          }),
        );
      if (twice.length > 0)
        problems.push(
          problem(live, request, `${answer.status} with ${twice.join(", ")} twice`, {
            message: `the answer ${answer.status} carries ${twice.join(", ")} twice`,
            fix: "Let the proxy own these headers and drop the server's (nginx proxy_hide_header, Caddy header_down -NAME).",
          }),
        );
    }
    return verdictOf(problems, `on ${seen.join(", ")}`);
  },
};

// ---

async function answers(live: LiveContext): Promise<readonly (readonly [string, Answer | undefined])[]> {
  const bytes = live.assume.number("limits.body") + 1;
  const over = await live
    .ask("/v1/transcribe", { method: "POST", announcedBytes: bytes, body: new Uint8Array(1024), timeoutMs: 2000 })
    .catch(refused(live));
  const anonymous = await live
    .ask("/v1/models", { anonymous: true })
    // mTLS may refuse the handshake: no answer, no headers.
    .catch(refused(live));
  return [
    ["GET /health", live.health],
    ["GET /gigastt-audit-missing", await live.ask("/gigastt-audit-missing").catch(refused(live))],
    ["GET /v1/models", anonymous?.status === 401 ? anonymous : undefined],
    ["POST /v1/transcribe", over?.status === 413 ? over : undefined],
  ];
}
