import { type CasesOfRule, casesOf, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-STR-004", [
  {
    name: "read timer below idle timeout",
    ...NGINX,
    from: "proxy_read_timeout 330s;\n      proxy_send_timeout",
    to: "proxy_read_timeout 60s;\n      proxy_send_timeout",
    at: "60s",
  },
  {
    name: "send timer not set",
    ...NGINX,
    from: "      proxy_send_timeout 330s;\n",
    to: "",
    at: "proxy_pass",
  },
  {
    name: "config raised the idle timeout",
    base: "nginx",
    file: "gigastt.config.yaml",
    from: "idleTimeout: 300s",
    to: "idleTimeout: 600s",
  },
  {
    name: "event stream below the ping",
    ...NGINX,
    from: "proxy_read_timeout 330s;\n    }\n    location / {",
    to: "proxy_read_timeout 10s;\n    }\n    location / {",
    at: "10s",
  },
]);
