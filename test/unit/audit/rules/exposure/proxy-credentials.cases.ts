import { type CasesOfRule, casesOf, CADDY, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-006", [
  {
    name: "injected credentials",
    ...NGINX,
    from: "location = /metrics { return 404; }",
    to: 'location = /metrics { return 404; }\n    location /flower/ {\n      auth_basic off;\n      proxy_set_header X-Forwarded-For $remote_addr;\n      proxy_set_header Authorization "Basic Zmxvd2VyOnNlY3JldA==";\n      proxy_set_header Host $host;\n      proxy_set_header X-Real-IP $remote_addr;\n      proxy_set_header X-Forwarded-Proto $scheme;\n      proxy_set_header Forwarded "";\n      proxy_pass http://127.0.0.1:5555;\n    }',
    at: "Authorization",
  },
  {
    name: "injected by Caddy",
    ...CADDY,
    from: "",
    to: "",
    add: {
      "admin/Caddyfile":
        'admin.example.com {\n\treverse_proxy 127.0.0.1:5555 {\n\t\theader_up Authorization "Basic Zmxvd2VyOnNlY3JldA=="\n\t}\n}\n',
    },
    at: "Authorization",
  },
]);
