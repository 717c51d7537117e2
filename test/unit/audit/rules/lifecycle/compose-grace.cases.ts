import { type CasesOfRule, casesOf, COMPOSE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-003", [
  { name: "default grace", ...COMPOSE, from: "    stop_grace_period: 20s\n", to: "" },
  {
    name: "short grace",
    ...COMPOSE,
    from: "stop_grace_period: 20s",
    to: "stop_grace_period: 12s",
    at: "12s",
  },
  {
    name: "the proxy's grace",
    ...COMPOSE,
    from: "    stop_grace_period: 30s\n",
    to: "",
    at: "proxy",
  },
  {
    name: "the container's own drain",
    ...COMPOSE,
    from: "ALLOWED_ORIGINS: https://stt.example.com",
    to: 'ALLOWED_ORIGINS: https://stt.example.com\n      GIGASTT_SHUTDOWN_DRAIN_SECS: "30"',
    at: "20s",
  },
  {
    name: "a drain in an env file",
    ...COMPOSE,
    from: "    environment:\n",
    to: "    env_file: [./server.env]\n    environment:\n",
    add: { "server.env": "GIGASTT_SHUTDOWN_DRAIN_SECS=40s\n" },
    at: "20s",
  },
  {
    name: "a drain in the image",
    ...COMPOSE,
    from: "    image: ghcr.io/example/gigastt:0.1.0\n",
    to: "    build: .\n",
    add: { Dockerfile: "FROM node:22-slim\nENV A=1 GIGASTT_SHUTDOWN_DRAIN_SECS=30\n" },
    at: "20s",
  },
  {
    name: "a service that only its settings tell to be the server",
    ...COMPOSE,
    from: "",
    to: "",
    add: {
      "other/compose.yaml":
        "services:\n  voice:\n    image: registry.local/voice:1\n    stop_grace_period: 20s\n    environment: [GIGASTT_SHUTDOWN_DRAIN_SECS=60]\n",
    },
    at: "stop_grace_period: 20s",
  },
  {
    name: "an impatient stop in a unit",
    ...COMPOSE,
    from: "",
    to: "",
    add: {
      "stt.service": "[Service]\nType=oneshot\nExecStart=/bin/true\nExecStop=/usr/bin/docker compose down -t 3\n",
    },
    at: "down -t 3",
  },
]);
