import { type CasesOfRule, casesOf, COMPOSE } from "../../../../support/audit-case.ts";

const haproxy = (stats: string, global = ""): Record<string, string> => ({
  "haproxy.cfg": `global
  maxconn 2000
  ${global}
defaults
  mode http
  timeout connect 5s
  timeout client 30m
  timeout server 30m
${stats}
frontend web
  bind *:443 ssl crt /etc/haproxy/stt.pem
  http-request set-header X-Forwarded-For %[src]
  default_backend stt
backend stt
  server s1 127.0.0.1:9876
`,
});

const traefik = (api: string, router = ""): Record<string, string> => ({
  "traefik.yml": `entryPoints:
  websecure:
    address: :443
    transport: { respondingTimeouts: { readTimeout: 0s } }
providers:
  file:
    filename: dynamic.yml
${api}
`,
  "dynamic.yml": `http:
  routers:
    stt: { rule: Host(\`stt.example.com\`), service: stt, tls: {} }
${router}
  services:
    stt:
      loadBalancer:
        servers: [{ url: http://127.0.0.1:9876 }]
`,
});

const alone = { ...COMPOSE, from: "", to: "" };

export const cases: CasesOfRule = casesOf("GA-EXP-021", [
  {
    name: "HAProxy's statistics on a port of their own",
    ...alone,
    add: haproxy("listen stats\n  bind *:8404\n  stats enable\n  stats uri /\n  stats refresh 10s"),
    at: "stats uri",
  },
  {
    name: "HAProxy's statistics change servers",
    ...alone,
    add: haproxy("listen stats\n  bind :9000\n  stats uri /haproxy?stats\n  stats admin if TRUE"),
    at: "stats admin",
  },
  { name: "statistics for every site", ...alone, add: haproxy("  stats enable"), at: "stats enable" },
  {
    name: "control socket on the network",
    ...alone,
    add: haproxy("", "stats socket ipv4@0.0.0.0:9999 level admin"),
    at: "stats socket",
  },
  {
    name: "Traefik's dashboard on 8080",
    ...alone,
    add: traefik("api:\n  dashboard: true\n  insecure: true"),
    at: "insecure",
  },
  {
    name: "a router without a password",
    ...alone,
    add: traefik(
      "api: {}",
      "    dashboard: { rule: Host(`traefik.example.com`), service: api@internal, entryPoints: [websecure], tls: {} }",
    ),
    at: "api@internal",
  },
  {
    name: "Traefik's dashboard published by a container",
    ...COMPOSE,
    from: "services:",
    to: `services:
  traefik:
    image: traefik:v3.6.12
    command: --api.insecure=true --providers.docker=true --entrypoints.web.address=:80 --entrypoints.web.transport.respondingtimeouts.readtimeout=0s
    ports: ["80:80", "8080:8080"]`,
    also: [
      {
        file: "compose.yaml",
        from: "  gigastt:",
        to: '  gigastt:\n    labels: ["traefik.http.routers.stt.rule=Host(`stt.example.com`)"]',
      },
    ],
    at: "api.insecure",
  },
]);
