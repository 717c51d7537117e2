import { type CasesOfRule, CADDY, casesOf, COMPOSE, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-PRS-002", [
  {
    name: "a file of 3 MiB",
    ...NGINX,
    from: "",
    to: "",
    add: { "sites-enabled/redirects.conf": "server { listen 80; }\n" },
    unread: { "sites-enabled/redirects.conf": "it is larger than 2 MiB" },
  },
  {
    name: "an include that was not copied",
    ...NGINX,
    from: "include gigastt-proxy.inc;",
    to: "include gigastt-proxy.inc; include snippets/limits.inc;",
    at: "snippets/limits.inc",
  },
  {
    name: "a tree whose sites were not copied",
    ...NGINX,
    from: "",
    to: "",
    add: { "other/nginx.conf": "events {}\nhttp {\n  include /etc/nginx/sites-enabled/*;\n}\n" },
    at: "sites-enabled",
  },
  {
    name: "a Caddy import",
    ...CADDY,
    from: "",
    to: "",
    add: { "b/Caddyfile": "example.org {\n  import common.caddy\n}\n" },
    at: "common.caddy",
  },
  {
    name: "a compose include",
    ...COMPOSE,
    from: "name: gigastt\n",
    to: "name: gigastt\ninclude: [./voice/compose.yaml]\n",
    at: "voice/compose.yaml",
  },
]);
