import { type CasesOfRule, casesOf, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-STR-014", [
  { name: "status 503", ...NGINX, from: "    limit_req_status 429;\n", to: "" },
  {
    name: "one client takes the pool",
    ...NGINX,
    from: "limit_conn gigastt_conn 4",
    to: "limit_conn gigastt_conn 20",
    at: "20",
  },
  {
    name: "wrong key",
    ...NGINX,
    from: "limit_req_zone $binary_remote_addr",
    to: "limit_req_zone $server_name",
    at: "$server_name zone",
  },
  {
    name: "no connection limit",
    ...NGINX,
    from: "      limit_conn gigastt_conn 4;\n",
    to: "",
    at: "location = /v1/ws",
  },
  {
    name: "zone not defined",
    ...NGINX,
    from: "  limit_conn_zone $binary_remote_addr zone=gigastt_conn:10m;\n",
    to: "",
    at: "limit_conn",
  },
  {
    name: "too few connections",
    ...NGINX,
    from: "worker_connections 1024",
    to: "worker_connections 32",
    at: "worker_connections",
  },
]);
