import { connectionCode, NoAnswerError } from "../../../shared/outside/client.ts";
import { notChecked, ok, verdictOf, type Problem } from "../../../audit/observe/verdict.ts";
import { FOREIGN_NAME, problem, refused, refusedAloud } from "../kit.ts";
import type { Probe } from "../probe.ts";

export const probe: Probe = {
  id: "GA-LIV-008",
  severity: "warning",
  confidence: "certain",
  title: "Plain HTTP is not redirected to HTTPS correctly",
  why: "An address typed without https must end at the encrypted service under its own name: served in plain text it shows audio and passwords to the network, a redirect that repeats the client's Host leads where an attacker wants, and 301 or 302 turn a POST into a GET.",
  evidence: ["Sent: a request on the HTTP port, and one with a foreign Host; redirects are read, not followed."],
  reads: ["GET http://…/v1/models"],
  fixKind: "manual",
  sameAs: ["GA-TLS-003"],
  tls: true,
  run: async (live) => {
    const { url, httpPort } = live.target;
    const plain = new URL(url);
    plain.protocol = "http:";
    plain.port = String(httpPort);
    const answer = await live.ask("/v1/models?a=b", { origin: plain, anonymous: true }).catch((error: Error) => error);
    // Also an error that no HTTP came back: an abort by the proxy.
    if (answer instanceof Error)
      return answer instanceof NoAnswerError || UNSERVED.has(connectionCode(answer))
        ? ok(`nothing is served on port ${httpPort}`)
        : notChecked(answer.message);
    const problems: Problem[] = [];
    const request = `GET http://${plain.host}/v1/models?a=b`;
    const place = plain.origin;
    const location = String(answer.headers.location ?? "");
    const fix = `Redirect to the written-out name: nginx \`return 308 ${url.origin}$request_uri;\`, Caddy \`redir ${url.origin}{uri} 308\`.`;
    if (answer.status >= 300 && answer.status < 400) {
      const there = URL.canParse(location, plain.href) ? new URL(location, plain.href) : undefined;
      const more = { place, fix };
      if (there?.protocol !== "https:")
        problems.push(
          problem(live, request, `${answer.status} location: ${location}`, {
            ...more,
            message: `plain HTTP redirects to ${location || "nowhere"}, not to https`,
          }),
        );
      else {
        if (there.origin !== url.origin)
          problems.push(
            problem(live, request, `${answer.status} location: ${location}`, {
              ...more,
              message: `plain HTTP redirects to another address: ${there.origin}`,
            }),
          );
        if (answer.status !== 308 && answer.status !== 307)
          problems.push(
            problem(live, request, `${answer.status} location: ${location}`, {
              ...more,
              message: `plain HTTP answers ${answer.status}: a POST arrives as a GET`,
            }),
          );
      }
    } else if (answer.status < 400 || answer.status === 401 || answer.status === 403)
      problems.push(
        problem(live, request, String(answer.status), {
          place,
          severity: "error",
          message: `plain HTTP is answered with ${answer.status}, not redirected: audio and passwords may travel unencrypted`,
          fix,
        }),
      );
    const forged = await live
      .ask("/", { origin: plain, anonymous: true, headers: { Host: FOREIGN_NAME } })
      .catch(problems.length > 0 ? refused(live) : refusedAloud(live));
    const away = String(forged?.headers.location ?? "");
    if (away.includes(FOREIGN_NAME))
      problems.push(
        problem(live, `GET http://${plain.host}/ Host: ${FOREIGN_NAME}`, `${forged?.status} location: ${away}`, {
          place,
          message: `the redirect repeats the Host that the client sent: ${away}`,
          fix,
        }),
      );
    return verdictOf(
      problems,
      answer.status < 400 ? `${answer.status} to ${url.origin}` : `refused with ${answer.status}`,
    );
  },
};

/** Ways in which a port that is closed, filtered or answered without HTTP ends a request. */
const UNSERVED = new Set(["ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT"]);
