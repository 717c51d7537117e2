import type { Rule } from "../../types.ts";
import { frontHits } from "../kit/fronts.ts";

export const rule: Rule = {
  id: "GA-EXP-021",
  severity: "warning",
  confidence: "certain",
  title: "The proxy's own pages are open: statistics, dashboard, control socket",
  why: "HAProxy's statistics and Traefik's dashboard list every site, server and address behind the proxy. With `stats admin` or a control socket on the network any client takes the server out of service with one request.",
  evidence: [
    "HAProxy documentation, stats admin and stats socket",
    "Traefik documentation, api.insecure: not recommended in production.",
  ],
  reads: ["haproxy", "traefik", "compose", "kubernetes"],
  fixKind: "manual",
  *check(facts) {
    yield* frontHits(
      facts,
      "pages",
      ({ canChange }) =>
        canChange
          ? "any client that reaches it takes servers out of service"
          : "any client that reaches it reads the sites, servers and addresses behind the proxy",
      ({ canChange }) => (canChange ? { severity: "error" } : {}),
    );
  },
};
