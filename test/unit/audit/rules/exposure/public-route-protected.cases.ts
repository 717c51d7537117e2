import { type CasesOfRule, casesOf, CADDY, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-018", [
  {
    name: "the health check needs a password",
    ...NGINX,
    from: "      auth_basic off;\n",
    to: "",
    at: "location = /health",
    assume: { "deploy.publicPaths": "/health" },
  },
  {
    name: "Caddy asks for it too",
    ...CADDY,
    from: "handle /health {",
    to: "handle /healthz {",
    at: "handle",
    assume: { "deploy.publicPaths": "/health" },
  },
]);
