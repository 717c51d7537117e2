import { UPGRADE_HEADERS } from "../../../shared/outside/client.ts";
import { notChecked, verdictOf, type Problem } from "../../../audit/observe/verdict.ts";
import { asksForCredentials, FOREIGN_ORIGIN, problem } from "../kit.ts";
import type { Probe } from "../probe.ts";

export const probe: Probe = {
  id: "GA-LIV-003",
  severity: "error",
  confidence: "certain",
  title: "Pages of other sites may open live sessions",
  why: "CORS does not cover WebSocket: only the server's own check of Origin keeps a page of another site from opening a session with the visitor's network position and, behind basic authentication, with their remembered password.",
  evidence: ["Sent: WebSocket handshakes with the Origin of a name that cannot exist and with null; a refusal is 403."],
  reads: ["GET /v1/ws"],
  fixKind: "manual",
  sameAs: ["GA-EXP-004"],
  run: async (live) => {
    const problems: Problem[] = [];
    let asked = 0;
    for (const origin of [FOREIGN_ORIGIN, "null"]) {
      const answer = await live.askPatiently("/v1/ws", { headers: { ...UPGRADE_HEADERS, Origin: origin } });
      if (asksForCredentials(answer)) continue;
      asked += 1;
      if (answer.status !== 101) continue;
      problems.push(
        problem(live, `GET /v1/ws Upgrade: websocket Origin: ${origin}`, "101", {
          message: `a page of ${origin === "null" ? "no site (Origin: null)" : "another site"} may open a live session`,
          fix: "Hand the client's Origin on to the server unchanged, set server.corsAllowAny: false, and list only your own pages in server.allowedOrigins.",
        }),
      );
    }
    if (problems.length === 0 && asked === 0)
      return notChecked("credentials are needed to reach the server's own answer: --user NAME or --key-stdin");
    return verdictOf(problems, "no session for another site, none for null");
  },
};
