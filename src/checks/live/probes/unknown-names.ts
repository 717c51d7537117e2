import { isIP } from "node:net";
import { notChecked, verdictOf, type Problem } from "../../../audit/observe/verdict.ts";
import { FOREIGN_NAME, problem, refused, refusedAloud } from "../kit.ts";
import type { Probe } from "../probe.ts";

export const probe: Probe = {
  id: "GA-LIV-018",
  severity: "warning",
  confidence: "certain",
  title: "The proxy answers for names that are not its own",
  why: "A service that answers for any Host can be reached by a page whose own name was pointed at this address (DNS rebinding), and shows scanners what runs here.",
  evidence: ["Sent: /health with a Host that cannot exist, and the same after a handshake for that name."],
  reads: ["GET /health with a foreign Host"],
  fixKind: "manual",
  sameAs: [],
  tls: true,
  run: async (live) => {
    const { url } = live.target;
    if (isIP(url.hostname.replace(/^\[|\]$/g, "")) !== 0) return notChecked("the URL has an address, not a name");
    const problems: Problem[] = [];
    for (const servername of [undefined, FOREIGN_NAME]) {
      const answer = await live
        .ask("/health", {
          headers: { Host: FOREIGN_NAME },
          anonymous: true,
          ...(servername === undefined ? {} : { servername, anyCertificate: true }),
        })
        .catch(problems.length > 0 ? refused(live) : refusedAloud(live));
      if (answer === undefined || [400, 403, 404, 421].includes(answer.status)) continue;
      problems.push(
        problem(
          live,
          `GET /health Host: ${FOREIGN_NAME}${servername === undefined ? "" : ", and in the handshake"}`,
          String(answer.status),
          {
            message: `a name that is not its own gets ${answer.status}${servername === undefined ? "" : ", after a handshake for that name"}`,
            fix: "Refuse unknown names: nginx a default_server with ssl_reject_handshake on and return 444, Caddy `:443 { abort }`.",
          },
        ),
      );
    }
    return verdictOf(problems, "refused");
  },
};
