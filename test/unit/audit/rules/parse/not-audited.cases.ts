import { type CasesOfRule, CADDY, casesOf, COMPOSE, KUBE, NGINX, UNIT } from "../../../../support/audit-case.ts";

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
  {
    name: "an env file of the server",
    ...COMPOSE,
    from: 'expose: ["9876"]',
    to: 'env_file: [./stt.env]\n    expose: ["9876"]',
    at: "stt.env",
  },
  {
    name: "an environment file of the unit",
    ...UNIT,
    from: "[Service]\n",
    to: "[Service]\nEnvironmentFile=/etc/gigastt/extra.env\n",
    at: "extra.env",
  },
  {
    name: "a ConfigMap with the server's variables",
    ...KUBE,
    from: "",
    to: "",
    add: {
      "pod.yaml":
        "apiVersion: v1\nkind: Pod\nmetadata: {name: stt}\nspec:\n  containers:\n    - name: gigastt\n      image: gigastt:0.1.0\n      envFrom: [{configMapRef: {name: elsewhere}}]\n",
    },
    at: "elsewhere",
  },
  {
    name: "a base of a Kustomization",
    ...KUBE,
    from: "",
    to: "",
    add: {
      "kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../base]\n",
    },
    at: "../base",
  },
  {
    name: "a Caddyfile that only imports",
    ...CADDY,
    from: "",
    to: "",
    add: { "b/Caddyfile": "import sites/*.caddy\n" },
    at: "sites/*.caddy",
  },
]);
