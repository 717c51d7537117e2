import { type CasesOfRule, casesOf, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-TLS-001", [
  {
    name: "old protocols",
    ...NGINX,
    from: "TLSv1.2 TLSv1.3",
    to: "TLSv1 TLSv1.1 TLSv1.2",
    at: "ssl_protocols",
  },
  {
    name: "CBC suites",
    ...NGINX,
    from: "ssl_ciphers ECDHE",
    to: "ssl_ciphers AES128-SHA:ECDHE",
    at: "ssl_ciphers",
  },
  {
    name: "ssl on",
    ...NGINX,
    from: "    http2 on;\n",
    to: "    http2 on;\n    ssl on;\n",
    at: "ssl on",
  },
  {
    name: "old nginx, protocols not set",
    ...NGINX,
    from: "  ssl_protocols TLSv1.2 TLSv1.3;\n",
    to: "",
    at: "listen 443",
    versions: { nginx: "1.26.3" },
  },
  {
    name: "suites not set",
    ...NGINX,
    from: "  ssl_ciphers ECDHE",
    to: "  # ssl_ciphers ECDHE",
    at: "listen 443",
  },
  {
    name: "no certificate",
    ...NGINX,
    from: "    ssl_certificate /etc/gigastt/tls/server.pem;\n",
    to: "",
    at: "listen 443",
  },
]);
