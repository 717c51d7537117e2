import { type CasesOfRule, casesOf, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-STR-004", [
  {
    name: "read timer below the ping interval",
    ...NGINX,
    from: "proxy_read_timeout 330s;\n      proxy_send_timeout",
    to: "proxy_read_timeout 20s;\n      proxy_send_timeout",
    at: "20s",
  },
  {
    name: "send timer not set, without pings",
    ...NGINX,
    from: "      proxy_send_timeout 330s;\n",
    to: "",
    assume: { "session.pingInterval": "0" },
    at: "proxy_pass",
  },
  {
    name: "config raised the idle timeout, without pings",
    base: "nginx",
    file: "gigastt.config.yaml",
    from: "idleTimeout: 300s",
    to: "idleTimeout: 600s\n  pingInterval: 0",
  },
  {
    name: "event stream below the ping",
    ...NGINX,
    from: "proxy_read_timeout 330s;\n    }\n    location / {",
    to: "proxy_read_timeout 10s;\n    }\n    location / {",
    at: "10s",
  },
]);
