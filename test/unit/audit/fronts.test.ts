import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseApache, parseHaproxy } from "../../../src/audit/parse/directives.ts";
import { createSource } from "../../../src/audit/source.ts";
import { auditFiles } from "../../support/audit-files.ts";

/** Rules about traffic and exposure that speak, each once. */
function found(files: Record<string, string>): readonly string[] {
  const rules = auditFiles(files).map(({ rule }) => rule);
  return [...new Set(rules.filter((rule) => /^GA-(?:XFF|STR|EXP|PRS)/.test(rule)))].sort();
}

const HAPROXY = (address: string, timer: string): string => `defaults
  mode http
  timeout connect 5s
  timeout client 6m
  timeout server ${timer}
frontend web
  bind *:443 ssl crt "/etc/haproxy/my site.pem" # with its key
  ${address}
  use_backend stt if { hdr(host) -i stt.example.org }
backend stt
  server s1 127.0.0.1:9876
`;

const APACHE = (lines: string): string => `<VirtualHost *:443>
  ServerName stt.example.org
  # ProxyTimeout 5
${lines}
</VirtualHost>
`;

const SERVE = (funnel: boolean): string =>
  JSON.stringify({
    Web: { "box.ts.net:443": { Handlers: { "/": { Proxy: "http://127.0.0.1:9876" } } } },
    ...(funnel ? { AllowFunnel: { "box.ts.net:443": true } } : {}),
  });

const LABELS = (more: string): string => `services:
  traefik:
    image: traefik:v3.6
    command: ["--entrypoints.web.address=:80", "--entrypoints.web.transport.respondingtimeouts.readtimeout=0s"]
  gigastt:
    image: gigastt:0.1.0
    labels:
      - traefik.http.routers.stt.rule=Host(\`stt.example.org\`)
      - traefik.http.routers.stt.middlewares=first@docker
${more}
`;

const STATIC = (more: string): string =>
  `entryPoints:\n  web:\n    address: ":80"\n${more}providers:\n  file: { filename: /etc/traefik/dynamic.yml }\n`;
const DYNAMIC =
  "http:\n  routers:\n    stt: { rule: Host(`a`), service: stt }\n  services:\n    stt: { loadBalancer: { servers: [{ url: http://127.0.0.1:9876 }] } }\n";
const NO_TIMER = "    transport: { respondingTimeouts: { readTimeout: 0 } }\n";

const OWN = "http-request set-header X-Forwarded-For %[src]";
const CASES: readonly (readonly [string, Record<string, string>, readonly string[]])[] = [
  ["HAProxy, good", { "haproxy.cfg": HAPROXY(OWN, "20m") }, []],
  ["HAProxy appends the address", { "haproxy.cfg": HAPROXY("option forwardfor", "20m") }, ["GA-XFF-001"]],
  [
    "HAProxy removes it first",
    { "haproxy.cfg": HAPROXY("http-request del-header X-Forwarded-For\n  option forwardfor", "20m") },
    [],
  ],
  [
    "HAProxy copies another header",
    { "haproxy.cfg": HAPROXY("http-request set-header X-Forwarded-For %[req.hdr(X-Real-IP)]", "20m") },
    ["GA-XFF-001"],
  ],
  ["HAProxy, short timers", { "haproxy.cfg": HAPROXY(OWN, "20s") }, ["GA-STR-004", "GA-STR-005"]],
  ["HAProxy, milliseconds without a unit", { "haproxy.cfg": HAPROXY(OWN, "1200000") }, []],
  [
    "HAProxy, small bodies",
    { "haproxy.cfg": HAPROXY(`${OWN}\n  http-request deny if { req.body_size gt 1000 }`, "20m") },
    ["GA-STR-008"],
  ],
  [
    "HAProxy in front of another server",
    { "haproxy.cfg": HAPROXY("option forwardfor", "1s").replace("9876", "3000").replaceAll("stt", "wiki") },
    [],
  ],
  [
    "Apache, good",
    {
      "stt.conf": APACHE(
        "  RequestHeader unset X-Forwarded-For early\n  ProxyTimeout 1200\n  ProxyPass / http://127.0.0.1:9876/ upgrade=websocket",
      ),
    },
    [],
  ],
  [
    "Apache as guides write it",
    { "stt.conf": APACHE("  ProxyPass / http://127.0.0.1:9876/") },
    ["GA-STR-001", "GA-STR-005", "GA-XFF-001"],
  ],
  [
    "Apache, the stream below what swallows it",
    {
      "stt.conf": APACHE(
        "  RequestHeader unset X-Forwarded-For early\n  ProxyTimeout 1200\n  ProxyPass / http://127.0.0.1:9876/\n  ProxyPass /v1/ws ws://127.0.0.1:9876/v1/ws",
      ),
    },
    ["GA-STR-001"],
  ],
  [
    "Apache by locations",
    {
      "stt.conf": APACHE(
        "  <Location /v1/ws>\n    ProxyPass ws://127.0.0.1:9876/v1/ws\n  </Location>\n  ProxyPass / http://127.0.0.1:9876/ timeout=1200\n  RequestHeader unset X-Forwarded-For early\n  LimitRequestBody 1048576",
      ),
    },
    ["GA-STR-008"],
  ],
  ["Traefik files, good", { "traefik.yml": STATIC(NO_TIMER), "dynamic.yml": DYNAMIC }, []],
  [
    "Traefik trusts everyone",
    { "traefik.yml": STATIC(`${NO_TIMER}    forwardedHeaders: { insecure: true }\n`), "dynamic.yml": DYNAMIC },
    ["GA-XFF-001"],
  ],
  [
    "Traefik trusts a network of everyone",
    {
      "traefik.yml": STATIC(`${NO_TIMER}    forwardedHeaders: { trustedIPs: [10.0.0.0/8, 0.0.0.0/0] }\n`),
      "dynamic.yml": DYNAMIC,
    },
    ["GA-XFF-001"],
  ],
  ["Traefik's default ends uploads", { "traefik.yml": STATIC(""), "dynamic.yml": DYNAMIC }, ["GA-STR-013"]],
  ["Traefik without its dynamic file", { "traefik.yml": STATIC(NO_TIMER) }, ["GA-PRS-002"]],
  [
    "Traefik's labels, good",
    { "compose.yaml": LABELS("      - traefik.http.middlewares.first.headers.framedeny=true") },
    [],
  ],
  [
    "Traefik's labels, a chain with a buffer",
    {
      "compose.yaml": LABELS(
        "      - traefik.http.middlewares.first.chain.middlewares=buf\n      - traefik.http.middlewares.buf.buffering.maxRequestBodyBytes=1000",
      ),
    },
    ["GA-STR-008", "GA-STR-009"],
  ],
  ["Traefik's TOML", { "traefik.toml": "[entryPoints.web]\naddress = ':80'\n" }, ["GA-PRS-002"]],
  ["a Helm chart", { "chart/templates/app.yaml": "kind: Deployment\nname: {{ .Values.name }}\n" }, ["GA-PRS-002"]],
  [
    "cloudflared",
    {
      "config.yml":
        "tunnel: home\ningress:\n  - hostname: a.example\n    service: http://localhost:9876\n  - service: http_status:404\n",
    },
    ["GA-STR-005"],
  ],
  [
    "cloudflared by a token",
    {
      "compose.yaml":
        'services:\n  tunnel:\n    image: cloudflare/cloudflared:2026.1.0\n    command: tunnel run\n    environment: { TUNNEL_TOKEN: "${TUNNEL_TOKEN:?}" }\n',
    },
    ["GA-PRS-002"],
  ],
  ["Tailscale in its own network", { "serve.json": SERVE(false) }, []],
  ["Tailscale to the internet", { "serve.json": SERVE(true) }, ["GA-EXP-004"]],
  [
    "a quadlet that is open to the network",
    { "gigastt.container": "[Container]\nImage=localhost/gigastt:0.1.0\nPublishPort=9876:9876\n" },
    ["GA-EXP-001"],
  ],
  [
    "a quadlet on loopback",
    { "gigastt.container": "[Container]\nImage=localhost/gigastt:0.1.0\nPublishPort=127.0.0.1:9876:9876\n" },
    [],
  ],
];

describe("fronts other than nginx and Caddy", () => {
  it.each(CASES)("%s", (_, files, rules) => {
    expect(found(files)).toEqual(rules);
  });

  it("a quadlet gets no edits, and no words of Compose", () => {
    const files = { "gigastt.container": "[Container]\nImage=localhost/gigastt:latest\nPublishPort=9876:9876\n" };
    const findings = auditFiles(files);
    expect(findings.length).toBeGreaterThan(5);
    for (const { message, fix, edits } of findings) {
      expect(edits).toEqual([]);
      expect(`${message} ${fix}`).not.toMatch(/stop_grace_period|cap_drop|security_opt|read_only|docker compose/);
    }
  });

  it("the readers never fail, and every word lies where it says", () => {
    const words = fc.constantFrom(
      "frontend",
      "backend",
      "server",
      "<VirtualHost",
      "</VirtualHost>",
      "*:80>",
      "ProxyPass",
      '"',
      "'",
      "\\",
      "#",
      "\n",
      " ",
      "a b",
      "%[src]",
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 40 }), (parts) => {
        const source = createSource("x", parts.join(" "));
        for (const file of [parseHaproxy(source), parseApache(source)])
          for (const { start, end, args } of file.directives) {
            expect(end).toBeGreaterThan(start);
            for (const word of args) expect(source.text.slice(word.start, word.end).length).toBe(word.end - word.start);
          }
      }),
    );
  });
});
