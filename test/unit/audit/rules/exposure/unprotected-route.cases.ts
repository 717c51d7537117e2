import { type CasesOfRule, casesOf, CADDY, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-005", [
  {
    name: "auth switched off",
    ...NGINX,
    from: "location / {\n      limit_req",
    to: "location / {\n      auth_basic off;\n      limit_req",
    at: "auth_basic off",
  },
  {
    name: "another handle block",
    ...CADDY,
    from: "\thandle /metrics {",
    to: "\thandle /v1/ws {\n\t\treverse_proxy 127.0.0.1:9876 {\n\t\t\theader_up X-Forwarded-For {remote_host}\n\t\t\tstream_close_delay 3615s\n\t\t\ttransport http {\n\t\t\t\tkeepalive 30s\n\t\t\t}\n\t\t}\n\t}\n\thandle /metrics {",
  },
  {
    name: "return before the password",
    ...NGINX,
    from: "location = /metrics { return 404; }",
    to: 'location = /metrics { return 404; }\n    location = /status { return 200 "secret"; }',
    at: "return 200",
  },
  {
    name: "password without a file",
    ...NGINX,
    from: "    auth_basic_user_file /etc/gigastt/htpasswd;\n",
    to: "",
    at: "auth_basic",
  },
]);
