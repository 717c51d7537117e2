import { verdictOf, type Problem } from "../../../audit/observe/verdict.ts";
import { askAnonymously, problem, refused } from "../kit.ts";
import type { Probe } from "../probe.ts";

/** What must never be answered, and how to know it. */
const DOORS: readonly (readonly [path: string, looksLike: RegExp, what: string])[] = [
  ["/config/", /^\s*\{[\s\S]*"(?:apps|admin)"/, "Caddy's admin API"],
  ["/nginx_status", /^Active connections:/, "nginx's status page"],
  ["/.git/HEAD", /^ref: refs\//, "a git repository"],
  ["/.env", /^[A-Z][A-Z0-9_]*=\S/m, "an environment file"],
];
const CADDY_ADMIN_PORT = 2019;

export const probe: Probe = {
  id: "GA-LIV-015",
  severity: "error",
  confidence: "certain",
  title: "An administration page or a private file is public",
  why: "Caddy's admin API replaces the whole configuration without asking for a password; a status page, a git folder or an environment file give away what the rest tries to protect.",
  evidence: [
    "Sent: /config/, /nginx_status, /.git/HEAD and /.env without credentials, and a request to port 2019 of the same host.",
  ],
  reads: [...DOORS.map(([path]) => `GET ${path}`), `GET http://…:${CADDY_ADMIN_PORT}/config/`],
  fixKind: "manual",
  sameAs: ["GA-EXP-015"],
  run: async (live) => {
    const problems: Problem[] = [];
    for (const [path, looksLike, what] of DOORS) {
      const answer = await askAnonymously(live, path);
      if (answer?.status !== 200 || !looksLike.test(answer.body)) continue;
      problems.push(
        problem(live, `GET ${path} without credentials`, "200", {
          message: `${path} shows ${what} without a password`,
          fix: "Take it out of what the proxy serves; for Caddy's admin API use a Unix socket (admin unix//run/caddy/admin.sock).",
        }),
      );
    }
    // On the own machine the port says nothing about the network; `audit host` looks at the socket.
    if (!live.loopback) {
      const admin = new URL(live.target.url);
      admin.protocol = "http:";
      admin.port = String(CADDY_ADMIN_PORT);
      const answer = await live
        .ask("/config/", { origin: admin, anonymous: true, timeoutMs: Math.min(2000, live.target.timeoutMs) })
        .catch(refused(live));
      if (answer !== undefined)
        problems.push(
          problem(live, `GET http://${admin.host}/config/`, String(answer.status), {
            place: admin.origin,
            message: `port ${CADDY_ADMIN_PORT}, Caddy's admin API, answers from outside (${answer.status})`,
            fix: "Let Caddy's admin API listen on a Unix socket (admin unix//run/caddy/admin.sock), and close the port.",
          }),
        );
    }
    return verdictOf(
      problems,
      live.loopback ? "no page; the port is not asked on the own machine" : "neither pages nor port",
    );
  },
};
