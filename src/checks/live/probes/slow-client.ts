import { ok, notChecked, verdictOf, type Problem } from "../../../audit/observe/verdict.ts";
import { problem } from "../kit.ts";
import { drip } from "../drip.ts";
import type { LiveContext } from "../context.ts";
import type { Probe } from "../probe.ts";

export const probe: Probe = {
  id: "GA-LIV-007",
  severity: "warning",
  confidence: "certain",
  title: "Slow clients are not cut off",
  why: "A connection that is kept open with a byte a second costs the attacker nothing and the service a connection, a buffer and, for an upload, room in its upload memory. A few hundred of them block all other clients.",
  evidence: [
    "Sent: a request whose headers, and an upload whose body, arrive a byte a second. The server cuts a body 30 s behind limits.minUploadKbps; the rendered proxies cut headers after 15 s.",
  ],
  reads: ["GET /health", "POST /v1/transcribe"],
  fixKind: "manual",
  sameAs: [],
  waits: true,
  run: async (live) => {
    const { slowBodyMs, slowHeadersMs } = live.limits;
    const longestMs = Math.max(slowBodyMs, slowHeadersMs) + 5000;
    if (live.timeLeftMs() < longestMs)
      return notChecked(
        `it takes up to ${seconds(longestMs)}; --live-time allows more than ${seconds(live.timeLeftMs())}`,
      );
    const [headers, body] = await Promise.all([slowHeaders(live), slowBody(live)]);
    const problems: Problem[] = [];
    if (headers.openAfterMs !== undefined)
      problems.push(
        problem(live, "GET /health, a byte of its headers a second", "still awaited", {
          message: `after ${seconds(headers.openAfterMs)} the service still waits for slow headers`,
          fix: "Set a limit for reading headers in the proxy: nginx client_header_timeout 15s, Caddy servers { timeouts { read_header 15s } }.",
        }),
      );
    if (body.openAfterMs !== undefined)
      problems.push(
        problem(live, "POST /v1/transcribe, a byte of its body a second", "still awaited", {
          message: `after ${seconds(body.openAfterMs)} the service still waits for a slow body`,
          fix: "Let the proxy hand bodies on as they come (nginx proxy_request_buffering off), so that the server's limits.minUploadKbps counts; or set client_body_timeout and a minimum rate there.",
        }),
      );
    if (problems.length > 0) return verdictOf(problems, "");
    if (body.answer === 401 || body.answer === 403)
      return ok(
        `slow headers are cut after ${seconds(headers.cutAfterMs)}; a slow body without credentials gets ${body.answer}`,
      );
    return ok(`cut: slow headers after ${seconds(headers.cutAfterMs)}, a slow body after ${seconds(body.cutAfterMs)}`);
  },
};

// ---

async function slowHeaders(live: LiveContext): ReturnType<typeof drip> {
  return drip(live, {
    head: `GET /health HTTP/1.1\r\nHost: ${live.target.url.host}\r\nX-Slow: `,
    forMs: live.limits.slowHeadersMs,
  });
}

async function slowBody(live: LiveContext): ReturnType<typeof drip> {
  const { authorization } = live.target;
  const trusted = live.firstHandshake?.problem === undefined;
  const credentials = authorization === undefined || !trusted ? "" : `Authorization: ${authorization}\r\n`;
  return drip(live, {
    head: `POST /v1/transcribe HTTP/1.1\r\nHost: ${live.target.url.host}\r\n${credentials}Content-Length: 1048576\r\n\r\n`,
    forMs: live.limits.slowBodyMs,
    clientCertificate: trusted,
  });
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
