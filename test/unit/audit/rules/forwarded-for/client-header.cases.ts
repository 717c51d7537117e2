import { CADDY, type CasesOfRule, casesOf, INC, NGINX } from "../../../../support/audit-case.ts";

const HEADER = { base: "nginx", file: INC, from: "X-Forwarded-For $remote_addr" };
const MAP = "map $http_upgrade $gigastt_connection { default upgrade; '' ''; }";

export const cases: CasesOfRule = casesOf("GA-XFF-012", [
  { name: "a CDN's header", ...HEADER, to: "X-Forwarded-For $http_cf_connecting_ip", at: "X-Forwarded-For" },
  { name: "braces", ...HEADER, to: 'X-Forwarded-For "${http_true_client_ip}"', at: "X-Forwarded-For" },
  {
    name: "the client's X-Real-IP",
    ...HEADER,
    from: "X-Real-IP $remote_addr",
    to: "X-Real-IP $http_x_real_ip",
    at: "X-Real-IP",
  },
  {
    name: "through a map with a fallback",
    ...HEADER,
    to: "X-Forwarded-For $client",
    also: [
      {
        file: "nginx.conf",
        from: MAP,
        to: `${MAP}\n  map $http_cf_connecting_ip $client { "" $remote_addr; default $http_cf_connecting_ip; }`,
      },
    ],
    at: "X-Forwarded-For",
  },
  {
    name: "through a variable",
    ...NGINX,
    from: "    client_max_body_size",
    to: "    set $client $http_x_client_ip;\n    client_max_body_size",
    also: [{ file: INC, from: "X-Forwarded-For $remote_addr", to: "X-Forwarded-For $client" }],
  },
  {
    name: "Caddy, short placeholder",
    ...CADDY,
    from: "X-Forwarded-For {remote_host}",
    to: "X-Forwarded-For {header.CF-Connecting-IP}",
    at: "CF-Connecting-IP",
  },
  {
    name: "Caddy, long placeholder",
    ...CADDY,
    from: "X-Forwarded-For {remote_host}",
    to: "X-Forwarded-For {http.request.header.X-Real-IP}",
    at: "X-Real-IP",
  },
]);
