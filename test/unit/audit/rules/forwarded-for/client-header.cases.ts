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
  {
    name: "the first of the client's list",
    ...HEADER,
    to: "X-Forwarded-For $first",
    also: [
      {
        file: "nginx.conf",
        from: MAP,
        to: `${MAP}\n  map $http_x_forwarded_for $first { ~^([^,]+) $1; default $remote_addr; }`,
      },
    ],
    at: "X-Forwarded-For",
  },
  { name: "a parameter of the query", ...HEADER, to: "X-Forwarded-For $arg_ip", at: "X-Forwarded-For" },
  {
    name: "a limit by the client's header",
    ...NGINX,
    from: "limit_req_zone $binary_remote_addr",
    to: "limit_req_zone $http_x_forwarded_for",
    at: "limit_req_zone",
  },
  {
    name: "Caddy, a map",
    ...CADDY,
    from: "",
    to: "",
    add: {
      "map/Caddyfile":
        'example.com {\n\tmap {header.CF-Connecting-IP} {ip} {\n\t\t"" {remote_host}\n\t\tdefault {header.CF-Connecting-IP}\n\t}\n\treverse_proxy 127.0.0.1:9876 {\n\t\theader_up X-Forwarded-For {ip}\n\t}\n}\n',
    },
    at: "{ip}",
  },
  {
    name: "Caddy, a piece of a header",
    ...CADDY,
    from: "",
    to: "",
    add: {
      "piece/Caddyfile":
        "example.com {\n\t@first header_regexp xff X-Forwarded-For ^([^,]+)\n\treverse_proxy @first 127.0.0.1:9876 {\n\t\theader_up X-Forwarded-For {re.xff.1}\n\t}\n}\n",
    },
    at: "re.xff.1",
  },
]);
