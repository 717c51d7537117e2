import { verdictOf, type Problem } from "../../../audit/observe/verdict.ts";
import { askAnonymously, problem } from "../kit.ts";
import type { Probe } from "../probe.ts";

/** The route, and ways of writing it that a matcher may miss while the server understands them. */
const PATHS = ["/metrics", "/metrics/", "//metrics", "/%6detrics", "/health/../metrics"];

export const probe: Probe = {
  id: "GA-LIV-014",
  severity: "error",
  confidence: "certain",
  title: "The metrics are public",
  why: "The metrics show how many sessions run, what fails, which model is loaded and how busy the machine is: useful to an attacker, and a view of how the service is used.",
  evidence: ["Sent: /metrics in five spellings without credentials; the answer is metrics when it has # TYPE lines."],
  reads: PATHS.map((path) => `GET ${path}`),
  fixKind: "manual",
  sameAs: ["GA-EXP-008"],
  run: async (live) => {
    const problems: Problem[] = [];
    const statuses = new Set<number>();
    for (const path of PATHS) {
      const answer = await askAnonymously(live, path);
      if (answer === undefined) continue;
      statuses.add(answer.status);
      if (answer.status === 200 && /^# (?:HELP|TYPE) /m.test(answer.body))
        problems.push(
          problem(live, `GET ${path} without credentials`, `200 ${answer.body.split("\n")[0] ?? ""}`, {
            message: `${path} shows the metrics without a password`,
            fix: "Answer /metrics with 404 at the proxy and scrape the server directly, or render the proxy's file again.",
          }),
        );
    }
    return verdictOf(problems, `not public (${[...statuses].join(", ") || "no handshake without a certificate"})`);
  },
};
