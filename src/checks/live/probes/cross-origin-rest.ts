import { notChecked, verdictOf, type Problem } from "../../../audit/observe/verdict.ts";
import { askAnonymously, asksForCredentials, FOREIGN_ORIGIN, problem } from "../kit.ts";
import type { Probe } from "../probe.ts";

export const probe: Probe = {
  id: "GA-LIV-002",
  severity: "error",
  confidence: "certain",
  title: "Pages of other sites may use the REST routes",
  why: "A browser sends the site that a request comes from. When any Origin (or null, which every sandboxed frame and local file can send) is accepted, any page that a user visits can send audio to this service from inside the user's network and read the answer.",
  evidence: [
    "Sent: Origin of a name that cannot exist, Origin null, and a preflight; a refusal is 403 without CORS headers.",
  ],
  reads: ["GET /v1/models", "OPTIONS /v1/transcribe"],
  fixKind: "manual",
  sameAs: ["GA-EXP-004"],
  run: async (live) => {
    const problems: Problem[] = [];
    const fix =
      "Set server.corsAllowAny: false, list only your own pages in server.allowedOrigins, and let the proxy add no Access-Control-Allow-Origin.";
    let asked = 0;
    for (const origin of [FOREIGN_ORIGIN, "null"]) {
      const answer = await live.askPatiently("/v1/models", { headers: { Origin: origin } });
      const allowed = String(answer.headers["access-control-allow-origin"] ?? "");
      if (asksForCredentials(answer) && allowed === "") continue;
      asked += 1;
      if (answer.status === 403 && allowed === "") continue;
      if (answer.status !== 200 && allowed === "") continue;
      problems.push(
        problem(
          live,
          `GET /v1/models Origin: ${origin}`,
          `${answer.status} access-control-allow-origin: ${allowed || "-"}`,
          {
            message: `a page of ${origin === "null" ? "no site (Origin: null)" : "another site"} gets ${answer.status}${allowed === "" ? "" : ` with Access-Control-Allow-Origin: ${allowed}`}, not 403`,
            fix,
          },
        ),
      );
    }
    const preflight = await askAnonymously(live, "/v1/transcribe", {
      method: "OPTIONS",
      headers: { Origin: FOREIGN_ORIGIN, "Access-Control-Request-Method": "POST" },
    });
    const allowed = String(preflight?.headers["access-control-allow-origin"] ?? "");
    if (allowed === "*" || allowed === FOREIGN_ORIGIN)
      problems.push(
        problem(
          live,
          `OPTIONS /v1/transcribe Origin: ${FOREIGN_ORIGIN}`,
          `${preflight?.status} access-control-allow-origin: ${allowed}`,
          {
            message: `a preflight of another site is granted (Access-Control-Allow-Origin: ${allowed})`,
            fix,
          },
        ),
      );
    if (problems.length === 0 && asked === 0)
      return notChecked("credentials are needed to reach the server's own answer: --user NAME or --key-stdin");
    return verdictOf(problems, "403 for another site and for null");
  },
};
