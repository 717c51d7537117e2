import { type CasesOfRule, casesOf, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-STR-011", [
  {
    name: "request buffering on",
    ...NGINX,
    from: "      proxy_request_buffering off;\n      proxy_read_timeout 930s;",
    to: "      proxy_request_buffering on;\n      proxy_read_timeout 930s;",
    at: "proxy_request_buffering on",
  },
  {
    name: "request buffering not set",
    ...NGINX,
    from: "      proxy_request_buffering off;\n      proxy_read_timeout 930s;",
    to: "      proxy_read_timeout 930s;",
  },
  {
    name: "transcripts in nginx's temporary folder",
    ...NGINX,
    from: "    proxy_max_temp_file_size 0;\n",
    to: "",
    at: "proxy_pass",
  },
]);
