import { type CasesOfRule, casesOf, COMPOSE, DOCKER, UNIT } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-022", [
  {
    name: "unit",
    ...UNIT,
    from: "KillMode=mixed",
    to: "KillMode=mixed\nKillSignal=SIGKILL",
    at: "SIGKILL",
  },
  {
    name: "unit with a kill command",
    ...UNIT,
    from: "KillMode=mixed",
    to: "KillMode=mixed\nExecStop=/bin/kill -9 $MAINPID",
    at: "ExecStop",
  },
  {
    name: "compose",
    ...COMPOSE,
    from: "    stop_grace_period: 20s\n",
    to: "    stop_grace_period: 20s\n    stop_signal: SIGKILL\n",
    at: "stop_signal",
  },
  {
    name: "image",
    ...COMPOSE,
    from: "    image: ghcr.io/example/gigastt:0.1.0\n",
    to: "    build: .\n",
    add: { Dockerfile: "FROM node:22-slim\nSTOPSIGNAL SIGQUIT\n" },
    at: "STOPSIGNAL",
  },
  {
    name: "image alone",
    ...DOCKER,
    from: "USER 10001",
    to: "STOPSIGNAL SIGKILL\nUSER 10001",
    at: "STOPSIGNAL",
  },
]);
