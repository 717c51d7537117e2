import { describe, expect, it } from "vitest";
import { auditFiles } from "../../support/audit-files.ts";

/** Correct ways to write what a rule looks for: it stays silent. */

const rules = (files: Record<string, string>): Set<string> => new Set(auditFiles(files).map(({ rule }) => rule));
const nginx = (location: string, server = "", http = ""): Record<string, string> => ({
  "nginx.conf": `events {}\nhttp {\n${http}\n  server {\n    listen 80;\n    server_name a.example;\n    ${server}\n    ${location}\n  }\n}\n`,
});
const caddy = (body: string): Record<string, string> => ({ Caddyfile: `a.example {\n${body}\n}\n` });

describe("GA-STR-018, paths that arrive", () => {
  it.each([
    "location / { proxy_pass http://127.0.0.1:9876; }",
    "location /stt/ { proxy_pass http://127.0.0.1:9876/; }",
    "location ^~ /stt/ { proxy_pass http://127.0.0.1:9876/; }",
    "location /stt/ { rewrite ^/stt/(.*)$ /$1 break; proxy_pass http://127.0.0.1:9876; }",
    "location /stt { rewrite ^/stt(/.*)$ $1 break; proxy_pass http://127.0.0.1:9876; }",
    "location ~ ^/stt/(.*)$ { proxy_pass http://127.0.0.1:9876/$1$is_args$args; }",
    "location /v1/ { proxy_pass http://127.0.0.1:9876; }",
    "location /v1/ws { proxy_pass http://127.0.0.1:9876/v1/ws; }",
    "location /speech/ { proxy_pass http://127.0.0.1:9876/v1/; }",
    "location = /ws/ { proxy_pass http://127.0.0.1:9876/v1/ws; } location / { proxy_pass http://127.0.0.1:9876; }",
    "location /stt/ { set $up http://127.0.0.1:9876; rewrite ^/stt/(.*)$ /$1 break; proxy_pass $up; }",
    "location ~ ^/stt/(?<rest>.*)$ { proxy_pass http://127.0.0.1:9876/$rest$is_args$args; }",
    "location ^~ /v1/ { proxy_pass http://127.0.0.1:9876; } location ~ /ws$ { proxy_pass http://127.0.0.1:3000; }",
    "location ~ ^/(v1|health) { proxy_pass http://127.0.0.1:9876; }",
    "location / { proxy_pass http://127.0.0.1:9876$request_uri; }",
    "location / { try_files $uri /index.html; } location /v1/ { proxy_pass http://127.0.0.1:9876; }",
    "location / { try_files $uri /index.html; } location /stt/ { proxy_pass http://127.0.0.1:9876/; }",
  ])("nginx: %s", (location) => {
    expect(rules(nginx(location))).not.toContain("GA-STR-018");
  });

  it.each([
    "reverse_proxy 127.0.0.1:9876",
    "handle_path /stt/* {\n reverse_proxy 127.0.0.1:9876\n}",
    "handle /stt/* {\n uri strip_prefix /stt\n reverse_proxy 127.0.0.1:9876\n}",
    "uri strip_prefix /stt\nreverse_proxy 127.0.0.1:9876",
    "reverse_proxy /v1/* 127.0.0.1:9876",
    "route /stt/* {\n uri strip_prefix /stt\n reverse_proxy 127.0.0.1:9876\n}",
    "@stt path_regexp ^/stt/(.*)$\nhandle @stt {\n rewrite * /{re.1}\n reverse_proxy 127.0.0.1:9876\n}",
    "handle /stt/* {\n uri replace /stt/ /\n reverse_proxy 127.0.0.1:9876\n}",
    "handle /v1/* {\n reverse_proxy 127.0.0.1:9876\n}\nhandle {\n try_files {path} /index.html\n file_server\n}",
  ])("Caddy: %s", (body) => {
    expect(rules(caddy(body))).not.toContain("GA-STR-018");
  });
});

describe("sub-paths hide nothing", () => {
  it.each([
    "location /stt/ { proxy_pass http://127.0.0.1:9876/; }",
    "location /stt/ { rewrite ^/stt/(.*)$ /$1 break; proxy_pass http://127.0.0.1:9876; }",
    "location ~ ^/stt/(.*)$ { proxy_pass http://127.0.0.1:9876/$1$is_args$args; }",
    "location / { proxy_pass http://127.0.0.1:9876$request_uri; }",
    "set $host_ 10.0.0.1; set $p 9876; location / { proxy_pass http://$host_:$p$request_uri; }",
  ])("nginx: %s", (location) => {
    const found = rules(nginx(location));
    for (const id of ["GA-STR-001", "GA-STR-005", "GA-STR-008", "GA-EXP-008", "GA-XFF-002"])
      expect(found).toContain(id);
  });

  it.each([
    "handle_path /stt/* {\n reverse_proxy 127.0.0.1:9876\n}",
    "handle /stt/* {\n uri strip_prefix /stt\n reverse_proxy 127.0.0.1:9876\n}",
    "reverse_proxy 127.0.0.1:9876",
  ])("Caddy: %s", (body) => {
    const found = rules(caddy(`encode gzip\n${body}`));
    for (const id of ["GA-STR-008", "GA-STR-010", "GA-LIF-007", "GA-EXP-008"]) expect(found).toContain(id);
  });
});

describe("GA-XFF-012, addresses from a checked peer", () => {
  it.each([
    [
      "proxy_set_header X-Forwarded-For $remote_addr;",
      "set_real_ip_from 203.0.113.0/24; real_ip_header CF-Connecting-IP;",
      "",
    ],
    ["proxy_set_header X-Forwarded-For $http_cf_connecting_ip;", "allow 203.0.113.0/24; deny all;", ""],
    [
      "proxy_set_header X-Forwarded-For $client;",
      "",
      "geo $realip_remote_addr $cdn { default 0; 203.0.113.0/24 1; }\nmap $cdn $client { 1 $http_cf_connecting_ip; default $remote_addr; }",
    ],
    ["proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Request-ID $http_x_request_id;", "", ""],
  ])("nginx: %s %s %s", (header, server, http) => {
    const location = `location / { ${header} proxy_pass http://127.0.0.1:9876; }`;
    expect(rules(nginx(location, server, http))).not.toContain("GA-XFF-012");
  });

  it.each([
    "reverse_proxy 127.0.0.1:9876 {\n header_up X-Forwarded-For {client_ip}\n}",
    "@cdn remote_ip 203.0.113.0/24\nreverse_proxy @cdn 127.0.0.1:9876 {\n header_up X-Forwarded-For {header.CF-Connecting-IP}\n}",
    "reverse_proxy 127.0.0.1:9876 {\n header_up X-Trace {header.X-Trace}\n}",
  ])("Caddy: %s", (body) => {
    expect(rules(caddy(body))).not.toContain("GA-XFF-012");
  });

  it("Caddy: request_header before the proxy is found", () => {
    expect(rules(caddy("request_header X-Forwarded-For {header.X-Real-IP}\nreverse_proxy 127.0.0.1:9876"))).toContain(
      "GA-XFF-012",
    );
  });
});

describe("the server's own signals to the proxy", () => {
  const ws = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_pass http://127.0.0.1:9876;";
  it("its pings keep a session alive at nginx's default of 60 s, and X-Accel-Buffering passes events over HTTP/1.0", () => {
    const found = rules(nginx(`location / { ${ws} }`));
    expect(found).not.toContain("GA-STR-004");
    expect(rules(nginx("location / { proxy_pass http://127.0.0.1:9876; }"))).not.toContain("GA-STR-009");
  });

  it("a timer of 20 s cuts", () => {
    expect(rules(nginx(`location / { ${ws} proxy_read_timeout 20s; }`))).toContain("GA-STR-004");
  });
});

describe("GA-XFF-008, a published port", () => {
  const compose = (trust: string): Record<string, string> => ({
    "compose.yaml": `services:\n  gigastt:\n    image: gigastt:0.1.0\n    ports: ["9876:9876"]\n    environment: {GIGASTT_TRUST_PROXY: "${trust}"}\n`,
  });
  it.each(["0", "1", "127.0.0.0/8"])("does not matter for trust in %s", (trust) => {
    expect(rules(compose(trust))).not.toContain("GA-XFF-008");
  });
  it("matters for trust in the bridge", () => {
    expect(rules(compose("172.16.0.0/12"))).toContain("GA-XFF-008");
  });
});
