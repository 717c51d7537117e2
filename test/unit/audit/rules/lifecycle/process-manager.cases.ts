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
    name: "PM2's time behind a nested object, beside another app",
    ...DOCKER,
    from: "",
    to: "",
    add: {
      "ecosystem.config.js":
        "// gigastt and its bot\nmodule.exports = { apps: [\n  { name: 'bot', script: 'bot.js', kill_timeout: 60000 },\n  { name: 'gigastt', script: 'gigastt', args: 'serve', env: { NODE_ENV: 'production' },\n    kill_timeout: 2 * 1000 },\n] };\n",
    },
    at: "2 * 1000",
  },
  {
    name: "s6 grace",
    ...DOCKER,
    from: "USER 10001",
    to: "ENV S6_KILL_GRACETIME=3000\nUSER 10001",
    at: "S6_KILL",
  },
]);
