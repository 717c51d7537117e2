import { type CasesOfRule, casesOf, DOCKER, UNIT } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-011", [
  { name: "whole group signalled", ...UNIT, from: "KillMode=mixed\n", to: "" },
  {
    name: "PM2 default",
    ...DOCKER,
    from: "",
    to: "",
    add: { "ecosystem.config.js": 'module.exports = { apps: [{ name: "gigastt", script: "bin/gigastt.js" }] };\n' },
  },
  {
    name: "s6 grace",
    ...DOCKER,
    from: "USER 10001",
    to: "ENV S6_KILL_GRACETIME=3000\nUSER 10001",
    at: "S6_KILL",
  },
]);
