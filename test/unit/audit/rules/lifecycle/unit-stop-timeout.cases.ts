import { type CasesOfRule, casesOf, UNIT } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-004", [
  {
    name: "stop timeout below drain",
    ...UNIT,
    from: "TimeoutStopSec=20",
    to: "TimeoutStopSec=10",
    at: "=10",
  },
  {
    name: "proxy keeps the stock timeout",
    base: "systemd",
    file: "caddy.service.d/gigastt.conf",
    from: "TimeoutStopSec=20\n",
    to: "",
  },
  {
    name: "nginx stopped the hard way",
    ...UNIT,
    from: "",
    to: "",
    add: { "nginx.service.d/gigastt.conf": "[Service]\nExecStop=\nTimeoutStopSec=20\n" },
    at: "Service",
  },
  {
    name: "the unit's own drain",
    ...UNIT,
    from: "TimeoutStopSec=20",
    to: 'TimeoutStopSec=20\nEnvironment="GIGASTT_SHUTDOWN_DRAIN_SECS=30" A=b',
    at: "=20",
  },
  {
    name: "a drain in the unit's environment file",
    ...UNIT,
    from: "TimeoutStopSec=20",
    to: "TimeoutStopSec=20\nEnvironmentFile=-/etc/gigastt/gigastt.env",
    add: { "etc/gigastt/gigastt.env": "GIGASTT_SHUTDOWN_DRAIN_SECS=30s\n" },
    at: "=20",
  },
  {
    name: "a quadlet that systemd kills first",
    ...UNIT,
    from: "",
    to: "",
    add: {
      "stt.container":
        "[Container]\nImage=ghcr.io/example/gigastt:1.2.0\nEnvironment=GIGASTT_SHUTDOWN_DRAIN_SECS=30\nPodmanArgs=--stop-timeout=60\n\n[Service]\nTimeoutStopSec=15\n",
    },
    at: "TimeoutStopSec=15",
  },
]);
