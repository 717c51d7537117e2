import { type CasesOfRule, casesOf, COMPOSE, KUBE, UNIT } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-SBX-003", [
  {
    name: "no limit",
    ...COMPOSE,
    from: "    deploy: {resources: {limits: {memory: 3G, pids: 256}}}\n",
    to: "",
  },
  { name: "too small", ...COMPOSE, from: "memory: 3G", to: "memory: 512M", at: "512M" },
  {
    name: "too small in Kubernetes",
    ...KUBE,
    from: "limits: {memory: 3Gi}",
    to: "limits: {memory: 512Mi}",
    at: "512Mi",
  },
  {
    name: "a unit that may fill the machine",
    ...UNIT,
    from: "MemoryMax=3072M\n",
    to: "",
    at: "Service",
  },
  {
    name: "a unit too small for a hand-over",
    ...UNIT,
    from: "MemoryMax=3072M",
    to: "MemoryMax=1G",
    at: "MemoryMax",
  },
  { name: "too few threads", ...UNIT, from: "TasksMax=512", to: "TasksMax=16", at: "TasksMax" },
  {
    name: "PM2 restarts it before the model is loaded",
    ...COMPOSE,
    from: "",
    to: "",
    add: {
      "ecosystem.config.js":
        'module.exports = { apps: [{ name: "gigastt", script: "gigastt", args: "serve", kill_timeout: 20000, max_memory_restart: "300M" }] };\n',
    },
    at: "max_memory_restart",
  },
]);
