import { type CasesOfRule, casesOf, NGINX, UNIT } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-TLS-004", [
  {
    name: "no refusing server",
    ...NGINX,
    from: "  server {\n    listen 443 ssl default_server;\n    ssl_reject_handshake on;\n  }\n",
    to: "",
  },
  {
    name: "old http2",
    ...NGINX,
    from: "listen 443 ssl;\n    http2 on;",
    to: "listen 443 ssl http2;",
    versions: { nginx: "1.30.4" },
    at: "http2",
  },
  {
    name: "stapling",
    ...NGINX,
    from: "    http2 on;\n",
    to: "    http2 on;\n    ssl_stapling on;\n",
    also: [
      {
        file: "nginx.conf",
        from: "/etc/gigastt/tls/server.pem",
        to: "/etc/letsencrypt/live/stt.example.com/fullchain.pem",
      },
    ],
    at: "ssl_stapling",
  },
  {
    name: "crontab without user",
    base: "secrets",
    file: "renew.sh",
    from: "17 3,15 * * * root certbot",
    to: "17 3,15 * * * certbot",
    at: "certbot",
  },
  {
    name: "monthly",
    base: "secrets",
    file: "renew.sh",
    from: "17 3,15 * * *",
    to: "0 0 1 * *",
    at: "certbot",
  },
  {
    name: "monthly timer",
    ...UNIT,
    from: "",
    to: "",
    add: {
      "certbot.service":
        '[Service]\nType=oneshot\nExecStart=/usr/bin/certbot renew --quiet --deploy-hook "systemctl reload nginx"\n',
      "certbot.timer": "[Timer]\nOnCalendar=monthly\n",
    },
    at: "OnCalendar",
  },
  {
    name: "nothing reloads after the renewal",
    ...UNIT,
    from: "",
    to: "",
    add: { "certbot.service": "[Service]\nType=oneshot\nExecStart=/usr/bin/certbot renew --quiet\n" },
    at: "ExecStart",
  },
]);
