import { answers, arrival, BASIC, eventsComeTogether, lets, pageIsHidden, pageIsMisled, type Proof } from "./proof.ts";
import { SLOW } from "./upstream.ts";
import { ask, HOST, openSession, passes, waitsForHeader } from "./wire.ts";

interface Parts {
  readonly main?: string;
  readonly http?: string;
  readonly listen?: string;
  readonly server?: string;
  /** In `location /`, in front of its proxy_pass. */
  readonly location?: string;
  readonly pass?: string;
  /** Instead of `location /`. */
  readonly locations?: string;
}

const PASS = "proxy_pass http://127.0.0.1:UPSTREAM;";
const LISTEN = "listen 127.0.0.1:LISTEN;";

function nginx({
  main = "",
  http = "",
  listen = LISTEN,
  server = "",
  location = "",
  pass = PASS,
  locations,
}: Parts): string {
  return `worker_processes 1;
pid DIR/nginx.pid;
error_log stderr warn;
${main}
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path DIR/body;
  proxy_temp_path DIR/proxy;
  fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi;
  scgi_temp_path DIR/scgi;
  map $http_upgrade $upgrading { default upgrade; '' ''; }
  ${http}
  server {
    ${listen}
    server_name ${HOST};
    ${server}
    ${locations ?? `location / {\n      ${location}\n      ${pass}\n    }`}
  }
}
`;
}

const UPGRADE =
  "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $upgrading;";
const ADDRESS = "proxy_set_header X-Forwarded-For $remote_addr;";
const OWN = `proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr; ${ADDRESS} proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header Forwarded "";`;
const TLS = "listen 127.0.0.1:LISTEN ssl;";
const CERTIFICATE = "ssl_certificate DIR/server.pem; ssl_certificate_key DIR/server.key;";
const PASSWORD = 'auth_basic "stt"; auth_basic_user_file DIR/htpasswd;';
const CLIENTS = "geo $remote_addr $cdn { default 0; 127.0.0.1 1; }";

const PROOFS: readonly Omit<Proof, "program">[] = [
  {
    rule: "GA-XFF-001",
    claims: "$proxy_add_x_forwarded_for keeps the client's address",
    bad: nginx({ location: "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;" }),
    good: nginx({ location: ADDRESS }),
    fails: lets("X-Forwarded-For"),
  },
  {
    rule: "GA-XFF-002",
    claims: "a list of an outer level does not reach a location with one of its own",
    bad: nginx({ server: ADDRESS, location: UPGRADE }),
    good: nginx({ location: `${ADDRESS} ${UPGRADE}` }),
    fails: lets("X-Forwarded-For"),
  },
  {
    rule: "GA-XFF-003",
    claims: "Host becomes the upstream's name, a forged X-Real-IP passes",
    bad: nginx({ location: ADDRESS }),
    good: nginx({ location: OWN }),
    fails: async (run) => {
      const seen = await arrival(run, { "X-Real-IP": "6.6.6.6" });
      return seen?.headers.host !== HOST && seen?.headers["x-real-ip"] === "6.6.6.6";
    },
  },
  {
    rule: "GA-XFF-006",
    claims: "a client chooses its address where everyone is a proxy",
    bad: nginx({ http: "set_real_ip_from 0.0.0.0/0; real_ip_header X-Forwarded-For;", location: ADDRESS }),
    good: nginx({ location: ADDRESS }),
    fails: lets("X-Forwarded-For"),
  },
  {
    rule: "GA-XFF-006",
    claims: "visitors of a CDN that nginx does not know share its address",
    assume: { "deploy.cdnCidrs": "127.0.0.1/32" },
    bad: nginx({ location: ADDRESS }),
    good: nginx({ http: "set_real_ip_from 127.0.0.1/32; real_ip_header X-Forwarded-For;", location: ADDRESS }),
    fails: async (run) =>
      (await arrival(run, { "X-Forwarded-For": "7.7.7.7" }))?.headers["x-forwarded-for"] !== "7.7.7.7",
  },
  {
    rule: "GA-XFF-011",
    claims: "CF-Connecting-IP passes as the client wrote it",
    bad: nginx({ location: OWN }),
    good: nginx({
      location: `${OWN} proxy_set_header X-Client-IP ""; proxy_set_header True-Client-IP ""; proxy_set_header CF-Connecting-IP ""; proxy_set_header X-Cluster-Client-IP ""; proxy_set_header X-Original-Forwarded-For "";`,
    }),
    fails: lets("CF-Connecting-IP", "X-Client-IP"),
  },
  {
    rule: "GA-XFF-012",
    claims: "a copied header is the client's own word",
    bad: nginx({ location: "proxy_set_header X-Forwarded-For $http_cf_connecting_ip;" }),
    good: nginx({
      http: `${CLIENTS} map $cdn $client { 1 $http_cf_connecting_ip; default $remote_addr; }`.replace(
        "127.0.0.1 1",
        "203.0.113.0/24 1",
      ),
      location: 'proxy_set_header X-Forwarded-For $client; proxy_set_header CF-Connecting-IP "";',
    }),
    fails: lets("CF-Connecting-IP"),
  },
  {
    rule: "GA-STR-001",
    claims: "without Upgrade and Connection the handshake arrives as a plain GET",
    bad: nginx({ location: ADDRESS }),
    good: nginx({ location: `${ADDRESS} ${UPGRADE}` }),
    fails: async ({ port }) => (await openSession(port)).status !== 101,
  },
  {
    rule: "GA-STR-002",
    claims: "every request is marked as an upgrade",
    bad: nginx({ location: `${ADDRESS} ${UPGRADE.replace("$upgrading", '"upgrade"')}` }),
    good: nginx({ location: `${ADDRESS} ${UPGRADE}` }),
    fails: async (run) => (await arrival(run))?.headers.connection === "upgrade",
  },
  {
    rule: "GA-STR-004",
    claims: "a timer below the ping interval cuts a silent session",
    bad: nginx({ location: `${UPGRADE} proxy_read_timeout 1s; proxy_send_timeout 330s;` }),
    good: nginx({ location: `${UPGRADE} proxy_read_timeout 330s; proxy_send_timeout 330s;` }),
    fails: async ({ port }) => {
      const session = await openSession(port);
      await passes(2500);
      const isCut = !session.isOpen();
      session.close();
      return isCut;
    },
  },
  {
    rule: "GA-STR-005",
    claims: "an answer that takes longer ends in 504",
    bad: nginx({ location: "proxy_read_timeout 300ms;" }),
    good: nginx({ location: "proxy_read_timeout 1h;" }),
    fails: answers(504, SLOW),
  },
  {
    rule: "GA-STR-008",
    claims: "a smaller limit refuses what the server takes",
    bad: nginx({ server: "client_max_body_size 1k;" }),
    good: nginx({ server: "client_max_body_size 52428800;" }),
    fails: answers(413, "/v1/transcribe", { method: "POST", bodyBytes: 2000 }),
  },
  {
    rule: "GA-STR-009",
    claims: "where X-Accel-Buffering is ignored, events come together over HTTP/1.0",
    bad: nginx({ location: "proxy_http_version 1.0; proxy_ignore_headers X-Accel-Buffering;" }),
    good: nginx({ location: ADDRESS }),
    fails: eventsComeTogether,
  },
  {
    rule: "GA-STR-011",
    claims: "a recording is written to the disk",
    bad: nginx({ server: "client_max_body_size 52428800;", location: ADDRESS }),
    good: nginx({
      server: "client_max_body_size 52428800;",
      location: `${ADDRESS} proxy_request_buffering off; proxy_http_version 1.1; proxy_max_temp_file_size 0;`,
    }),
    fails: async ({ port, log }) => {
      await ask(port, "/v1/transcribe", { method: "POST", bodyBytes: 3_000_000 });
      return log().includes("buffered to a temporary file");
    },
  },
  {
    rule: "GA-STR-012",
    claims: "a request meets a connection that the server closes",
    ...keptFor("75s", "300ms"),
    fails: async ({ port }) => {
      const send = async (): Promise<number> =>
        (await ask(port, "/v1/transcribe", { method: "POST", bodyBytes: 10 })).status;
      await send();
      await passes(900);
      return (await send()) === 502;
    },
  },
  {
    rule: "GA-STR-014",
    claims: "a client above its rate gets 503",
    ...rates("", "limit_req_status 429;"),
    fails: async ({ port }) => {
      await ask(port, "/v1/models");
      return (await ask(port, "/v1/models")).status === 503;
    },
  },
  {
    rule: "GA-STR-016",
    claims: "a header may take minutes",
    bad: nginx({ http: "client_header_timeout 10m;" }),
    good: nginx({ http: "client_header_timeout 1s;" }),
    fails: async ({ port }) => waitsForHeader(port, 2500),
  },
  {
    rule: "GA-STR-017",
    claims: "the timer of the default server counts",
    bad: nginx({
      http: `server { ${LISTEN.replace(";", " default_server;")} server_name _; client_header_timeout 30s; return 444; }`,
      server: "client_header_timeout 1s;",
    }),
    good: nginx({
      http: `server { ${LISTEN.replace(";", " default_server;")} server_name _; client_header_timeout 1s; return 444; }`,
    }),
    fails: async ({ port }) => waitsForHeader(port, 2500),
  },
  {
    rule: "GA-STR-018",
    claims: "the prefix stays on the path",
    bad: nginx({ locations: `location /stt { ${PASS} }` }),
    good: nginx({ locations: `location /stt/ { ${PASS.replace("UPSTREAM", "UPSTREAM/")} }` }),
    fails: answers(404, "/stt/v1/models"),
  },
  {
    rule: "GA-STR-018",
    claims: "a slash too many",
    bad: nginx({ locations: `location /stt { ${PASS.replace("UPSTREAM", "UPSTREAM/")} }` }),
    good: nginx({ locations: `location /stt/ { ${PASS.replace("UPSTREAM", "UPSTREAM/")} }` }),
    fails: answers(404, "/stt/v1/models"),
  },
  {
    rule: "GA-STR-018",
    claims: "a variable in proxy_pass drops the rest of the path",
    bad: nginx({
      server: "set $target 127.0.0.1:UPSTREAM;",
      locations: "location /stt/ { proxy_pass http://$target/; }",
    }),
    good: nginx({
      server: "set $target 127.0.0.1:UPSTREAM;",
      locations: "location /stt/ { rewrite ^/stt(/.*)$ $1 break; proxy_pass http://$target; }",
    }),
    fails: async (run) => (await arrival(run, {}, "/stt/v1/models"))?.url !== "/v1/models",
  },
  {
    rule: "GA-LIF-006",
    claims: "a reload cuts sessions after worker_shutdown_timeout",
    bad: nginx({ main: "worker_shutdown_timeout 1s;", location: UPGRADE }),
    good: nginx({ main: "worker_shutdown_timeout 2h;", location: UPGRADE }),
    fails: async ({ port, reload }) => {
      const session = await openSession(port);
      await reload();
      await passes(2000);
      const isCut = !session.isOpen();
      session.close();
      return isCut;
    },
  },
  {
    rule: "GA-LIF-018",
    claims: "another port answers with 502",
    assume: { "server.port": "9876" },
    bad: nginx({ http: "upstream gigastt { server 127.0.0.1:CLOSED; }", pass: "proxy_pass http://gigastt;" }),
    good: nginx({ http: "upstream gigastt { server 127.0.0.1:UPSTREAM; }", pass: "proxy_pass http://gigastt;" }),
    fails: answers(502, "/v1/models"),
  },
  {
    rule: "GA-LIF-019",
    claims: "a location with timers and without proxy_pass answers 404",
    bad: nginx({ locations: `location / { ${PASS} } location = /v1/transcribe { proxy_read_timeout 1h; }` }),
    good: nginx({ locations: `location / { ${PASS} } location = /v1/transcribe { proxy_read_timeout 1h; ${PASS} }` }),
    fails: answers((status) => status === 404 || status === 405, "/v1/transcribe", { method: "POST" }),
  },
  {
    rule: "GA-LIF-020",
    claims: "the other address family reaches another server",
    bad: nginx({
      http: "server { listen LISTEN; listen [::]:LISTEN; server_name other.example.com; return 403; }",
      listen: "listen LISTEN;",
    }),
    good: nginx({
      http: "server { listen LISTEN; listen [::]:LISTEN; server_name other.example.com; return 403; }",
      listen: "listen LISTEN; listen [::]:LISTEN;",
    }),
    fails: answers(403, "/v1/models", { address: "::1" }),
  },
  {
    rule: "GA-EXP-005",
    claims: "return answers before the password is asked for",
    bad: nginx({ server: PASSWORD, locations: `location / { ${PASS} } location = /status { return 200 "secret"; }` }),
    good: nginx({ server: PASSWORD }),
    fails: answers(200, "/status"),
  },
  {
    rule: "GA-EXP-005",
    claims: "auth_basic off opens what lies below",
    bad: nginx({ server: PASSWORD, location: "auth_basic off;" }),
    good: nginx({ server: PASSWORD }),
    fails: answers(200, "/v1/models"),
  },
  {
    rule: "GA-EXP-006",
    claims: "every visitor comes with the operator's credentials",
    bad: nginx({ location: `proxy_set_header Authorization "${BASIC}"; ${ADDRESS}` }),
    good: nginx({ location: ADDRESS }),
    fails: async (run) => (await arrival(run))?.headers.authorization === BASIC,
  },
  {
    rule: "GA-EXP-007",
    claims: "the password travels on to the server",
    bad: nginx({ server: PASSWORD, location: ADDRESS }),
    good: nginx({ server: PASSWORD, location: `${ADDRESS} proxy_set_header Authorization "";` }),
    fails: async (run) => (await arrival(run, { Authorization: BASIC }))?.headers.authorization === BASIC,
  },
  {
    rule: "GA-EXP-008",
    claims: "anyone reads the metrics",
    bad: nginx({}),
    good: nginx({ server: "location = /metrics { return 404; }" }),
    fails: answers(200, "/metrics"),
  },
  {
    rule: "GA-EXP-017",
    claims: "no answer forbids guessing of types and framing",
    bad: nginx({ listen: TLS, server: CERTIFICATE }),
    good: nginx({
      listen: TLS,
      server: `${CERTIFICATE} add_header X-Content-Type-Options nosniff always; add_header X-Frame-Options DENY always; add_header Referrer-Policy no-referrer always;`,
    }),
    fails: async ({ port }) => {
      const { headers } = await ask(port, "/v1/models", { tls: {} });
      return headers["x-content-type-options"] === undefined && headers["x-frame-options"] === undefined;
    },
  },
  {
    rule: "GA-EXP-018",
    claims: "a health check without a password gets 401",
    assume: { "deploy.publicPaths": "/health" },
    bad: nginx({ server: PASSWORD }),
    good: nginx({ server: `${PASSWORD} location = /health { auth_basic off; ${PASS} }` }),
    fails: answers(401, "/health"),
  },
  {
    rule: "GA-EXP-019",
    claims: "every answer names the version",
    bad: nginx({}),
    good: nginx({ http: "server_tokens off;" }),
    fails: async ({ port }) => /\d/.test(`${(await ask(port, "/v1/models")).headers.server}`),
  },
  {
    rule: "GA-EXP-020",
    claims: "a second policy without any source reaches the browser beside the server's",
    bad: nginx({ location: `add_header Content-Security-Policy "default-src 'none'" always;` }),
    good: nginx({}),
    fails: twoPolicies,
  },
  {
    rule: "GA-TLS-001",
    claims: "a client that speaks only TLS 1.1 is served",
    bad: nginx({
      listen: TLS,
      server: `${CERTIFICATE} ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0;`,
    }),
    good: nginx({
      listen: TLS,
      server: `${CERTIFICATE} ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256;`,
    }),
    fails: answers(200, "/v1/models", {
      tls: { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" },
    }),
  },
  {
    rule: "GA-TLS-002",
    claims: "without `always` an error answer has no Strict-Transport-Security",
    bad: nginx({ listen: TLS, server: `${CERTIFICATE} add_header Strict-Transport-Security "max-age=63072000";` }),
    good: nginx({
      listen: TLS,
      server: `${CERTIFICATE} add_header Strict-Transport-Security "max-age=63072000" always;`,
    }),
    fails: noHsts,
  },
  {
    rule: "GA-TLS-002",
    claims: "an add_header of a location drops the list of its server",
    bad: nginx({
      listen: TLS,
      server: `${CERTIFICATE} add_header Strict-Transport-Security "max-age=63072000" always;`,
      location: "add_header Cache-Control no-store;",
    }),
    good: nginx({
      listen: TLS,
      server: `${CERTIFICATE} add_header Strict-Transport-Security "max-age=63072000" always;`,
    }),
    fails: noHsts,
  },
  {
    rule: "GA-TLS-003",
    claims: "the redirect goes where the client's Host says",
    ...redirects("301 https://$host$request_uri", `308 https://${HOST}$request_uri`),
    fails: async ({ port }) =>
      (await ask(port, "/", { headers: { Host: "evil.example" } })).headers.location?.includes("evil.example") === true,
  },
  {
    rule: "GA-TLS-003",
    claims: "301 allows a client to turn an upload into a GET",
    ...redirects(`301 https://${HOST}$request_uri`, `308 https://${HOST}$request_uri`),
    fails: answers(301, "/v1/transcribe", { method: "POST" }),
  },
  {
    rule: "GA-TLS-004",
    claims: "the first server answers for every name",
    bad: nginx({ listen: TLS, server: CERTIFICATE }),
    good: nginx({
      http: "server { listen 127.0.0.1:LISTEN ssl default_server; ssl_reject_handshake on; }",
      listen: TLS,
      server: CERTIFICATE,
    }),
    fails: answers(200, "/v1/models", { tls: {}, headers: { Host: "unknown.example" } }),
  },
  {
    rule: "GA-EXP-022",
    claims: "add_header sends a second header to the page",
    bad: nginx({ location: `${OWN} add_header Access-Control-Allow-Origin *;` }),
    good: nginx({ location: OWN }),
    fails: pageIsMisled,
  },
  {
    rule: "GA-EXP-022",
    claims: "an empty Origin hides the page from the server",
    bad: nginx({ location: `${OWN} proxy_set_header Origin "";` }),
    good: nginx({ location: OWN }),
    fails: pageIsHidden,
  },
];

export const OF_NGINX: readonly Proof[] = PROOFS.map((proof) => ({ ...proof, program: "nginx" }));

// ---

/** Two files that differ in how long idle connections to the server are kept. */
function keptFor(bad: string, good: string): Pick<Proof, "bad" | "good"> {
  const file = (time: string): string =>
    nginx({
      http: `upstream gigastt { server 127.0.0.1:UPSTREAM; keepalive 4; keepalive_timeout ${time}; }`,
      location: UPGRADE,
      pass: "proxy_pass http://gigastt;",
    });
  return { bad: file(bad), good: file(good) };
}

function rates(bad: string, good: string): Pick<Proof, "bad" | "good"> {
  const file = (status: string): string =>
    nginx({
      http: "limit_req_zone $binary_remote_addr zone=rps:1m rate=1r/m; limit_conn_zone $binary_remote_addr zone=conn:1m;",
      server: `${status} limit_conn_status 429;`,
      location: "limit_req zone=rps; limit_conn conn 2;",
    });
  return { bad: file(bad), good: file(good) };
}

/** A plain server that sends visitors to the one with TLS. */
function redirects(bad: string, good: string): Pick<Proof, "bad" | "good"> {
  const file = (to: string): string =>
    nginx({
      http: `server { listen 127.0.0.1:LISTEN default_server; server_name ${HOST}; return ${to}; }`,
      listen: "listen 127.0.0.1:ADMIN ssl;",
      server: CERTIFICATE,
    });
  return { bad: file(bad), good: file(good) };
}

async function noHsts({ port }: Parameters<Proof["fails"]>[0]): Promise<boolean> {
  return (await ask(port, "/missing", { tls: {} })).headers["strict-transport-security"] === undefined;
}

async function twoPolicies({ port }: Parameters<Proof["fails"]>[0]): Promise<boolean> {
  const { rawHeaders } = await ask(port, "/v1/models");
  return rawHeaders.some((text) => text === "default-src 'none'") && rawHeaders.includes("default-src 'self'");
}
