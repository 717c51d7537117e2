import { type CasesOfRule, casesOf, CADDY, COMPOSE, INC, KUBE, UNIT } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-017", [
  { name: "no Restart", ...UNIT, from: "Restart=on-failure\n", to: "", at: "Service" },
  { name: "no watchdog", ...UNIT, from: "WatchdogSec=60\n", to: "", at: "Type=notify" },
  {
    name: "nervous watchdog",
    ...UNIT,
    from: "WatchdogSec=60",
    to: "WatchdogSec=5",
    at: "WatchdogSec",
  },
  {
    name: "no restart policy",
    ...COMPOSE,
    from: "    restart: unless-stopped\n",
    to: "",
    at: "gigastt",
  },
  {
    name: "no liveness probe",
    ...KUBE,
    from: "          livenessProbe: {httpGet: {path: /health, port: http}, periodSeconds: 20, timeoutSeconds: 5, failureThreshold: 6}\n",
    to: "",
    at: "name: gigastt",
  },
  {
    name: "no second try",
    ...CADDY,
    from: "\t\t\tlb_try_duration 5s\n",
    to: "",
    at: "reverse_proxy",
  },
  {
    name: "a dial as long as all tries",
    ...CADDY,
    from: "\t\t\t\tkeepalive 30s",
    to: "\t\t\t\tdial_timeout 5s\n\t\t\t\tkeepalive 30s",
    at: "dial_timeout",
  },
  {
    name: "a patient connect",
    base: "nginx",
    file: INC,
    from: "proxy_http_version",
    to: "proxy_connect_timeout 60s;\nproxy_http_version",
    at: "proxy_connect",
  },
]);
