import {
  answers,
  arrival,
  BASIC,
  eventsComeTogether,
  HASH,
  lets,
  pageIsHidden,
  pageIsMisled,
  type Proof,
} from "./proof.ts";
import { SLOW, startUpstream } from "./upstream.ts";
import { ask, hangUp, HOST, openSession, passes, waitsForHeader } from "./wire.ts";

interface Parts {
  readonly admin?: string;
  readonly options?: string;
  readonly address?: string;
  readonly site?: string;
  /** Inside `reverse_proxy`. */
  readonly proxy?: string;
  readonly upstream?: string;
  /** Instead of `reverse_proxy`. */
  readonly blocks?: string;
}

function caddy(parts: Parts = {}): string {
  const { admin = "unix/DIR/admin.sock", options = "", address = "http://:LISTEN", site = "", proxy = "" } = parts;
  const { upstream = "127.0.0.1:UPSTREAM" } = parts;
  return `{
	admin ${admin}
	auto_https disable_redirects
	${options}
}
${address} {
	${site}
	${parts.blocks ?? `reverse_proxy ${upstream} {\n\t\t${proxy}\n\t}`}
}
`;
}

const TO = "reverse_proxy 127.0.0.1:UPSTREAM";
const OWN = "header_up X-Forwarded-For {remote_host}";
const PASSWORD = `AUTH {\n\t\tanna ${HASH}\n\t}`;
const HTTPS = { address: `https://${HOST}:LISTEN`, site: "tls DIR/server.pem DIR/server.key" };
const KNOWN = "servers {\n\t\ttrusted_proxies static 127.0.0.1/32\n\t\ttrusted_proxies_strict\n\t}";

const PROOFS: readonly Omit<Proof, "program">[] = [
  {
    rule: "GA-XFF-004",
    claims: "a trusted range keeps what its peers relay",
    bad: caddy({ proxy: "trusted_proxies private_ranges" }),
    good: caddy({ proxy: OWN }),
    fails: lets("X-Forwarded-For"),
  },
  {
    rule: "GA-XFF-005",
    claims: "the left end of the header is what the client wrote",
    from: "2.8.0",
    bad: caddy({
      options: KNOWN.replace("\n\t\ttrusted_proxies_strict", ""),
      proxy: "header_up X-Forwarded-For {client_ip}",
    }),
    good: caddy({ options: KNOWN, proxy: "header_up X-Forwarded-For {client_ip}" }),
    fails: async (run) =>
      (await arrival(run, { "X-Forwarded-For": "6.6.6.6, 7.7.7.7" }))?.headers["x-forwarded-for"] === "6.6.6.6",
  },
  {
    rule: "GA-XFF-006",
    claims: "visitors of a CDN that Caddy does not know share its address",
    from: "2.8.0",
    assume: { "deploy.cdnCidrs": "127.0.0.1/32" },
    bad: caddy({ proxy: "header_up X-Forwarded-For {client_ip}" }),
    good: caddy({ options: KNOWN, proxy: "header_up X-Forwarded-For {client_ip}" }),
    fails: async (run) =>
      (await arrival(run, { "X-Forwarded-For": "7.7.7.7" }))?.headers["x-forwarded-for"] !== "7.7.7.7",
  },
  {
    rule: "GA-XFF-011",
    claims: "Forwarded and X-Real-IP pass as the client wrote them",
    bad: caddy({ proxy: OWN }),
    good: caddy({
      proxy: [
        OWN,
        ...["Forwarded", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP"].map(
          (name) => `header_up -${name}`,
        ),
        ...["X-Cluster-Client-IP", "X-Original-Forwarded-For"].map((name) => `header_up -${name}`),
      ].join("\n\t\t"),
    }),
    fails: lets("Forwarded", "X-Real-IP"),
  },
  {
    rule: "GA-XFF-012",
    claims: "a copied header is the client's own word",
    bad: caddy({ proxy: "header_up X-Forwarded-For {header.CF-Connecting-IP}" }),
    good: caddy({ proxy: `${OWN}\n\t\theader_up -CF-Connecting-IP` }),
    fails: lets("CF-Connecting-IP"),
  },
  {
    rule: "GA-STR-003",
    claims: "the server does not speak h2c",
    bad: caddy({ proxy: "transport http {\n\t\t\tversions h2c\n\t\t}" }),
    good: caddy(),
    fails: answers(502, "/v1/models"),
  },
  {
    rule: "GA-STR-006",
    claims: "response_header_timeout ends a transcription",
    bad: caddy({ proxy: "transport http {\n\t\t\tresponse_header_timeout 300ms\n\t\t}" }),
    good: caddy(),
    fails: answers((status) => status >= 502, SLOW),
  },
  {
    rule: "GA-STR-006",
    claims: "stream_timeout ends a session",
    from: "2.7.0",
    bad: caddy({ proxy: "stream_timeout 1s" }),
    good: caddy(),
    fails: async ({ port }) => {
      const session = await openSession(port);
      await passes(2500);
      const isCut = !session.isOpen();
      session.close();
      return isCut;
    },
  },
  {
    rule: "GA-STR-006",
    claims: "`timeouts write` ends an answer that takes longer",
    bad: caddy({ options: "servers {\n\t\ttimeouts {\n\t\t\twrite 300ms\n\t\t}\n\t}" }),
    good: caddy(),
    fails: answers((status) => status !== 200, SLOW),
  },
  {
    rule: "GA-STR-008",
    claims: "a smaller limit refuses what the server takes",
    bad: caddy({ site: "request_body {\n\t\tmax_size 1KB\n\t}" }),
    good: caddy({ site: "request_body {\n\t\tmax_size 52428800\n\t}" }),
    fails: answers((status) => status !== 200, "/v1/transcribe", { method: "POST", bodyBytes: 2000 }),
  },
  {
    rule: "GA-STR-009",
    claims: "response_buffers collects the events",
    from: "2.7.0",
    bad: caddy({ proxy: "response_buffers 1MiB" }),
    good: caddy(),
    fails: eventsComeTogether,
  },
  {
    rule: "GA-STR-009",
    claims: "buffer_responses collects the events",
    before: "2.7.0",
    bad: caddy({ proxy: "buffer_responses" }),
    good: caddy(),
    fails: eventsComeTogether,
  },
  {
    rule: "GA-STR-010",
    claims: "compressed events come together",
    before: "2.9.0",
    bad: caddy({ site: "encode gzip" }),
    good: caddy(),
    fails: eventsComeTogether,
  },
  {
    rule: "GA-STR-012",
    claims: "a request meets a connection that the server closes",
    bad: caddy(),
    good: caddy({ proxy: "transport http {\n\t\t\tkeepalive 300ms\n\t\t}" }),
    fails: async ({ port }) => {
      const send = async (): Promise<number> =>
        (await ask(port, "/v1/transcribe", { method: "POST", bodyBytes: 10 })).status;
      await send();
      await passes(900);
      return (await send()) === 502;
    },
  },
  {
    rule: "GA-STR-013",
    claims: "`timeouts read_body` ends a slow upload",
    bad: caddy({ options: "servers {\n\t\ttimeouts {\n\t\t\tread_body 700ms\n\t\t}\n\t}" }),
    good: caddy(),
    fails: async ({ port, upstream }) => {
      await ask(port, "/v1/transcribe", { method: "POST", isSlow: true });
      return upstream.arrived.at(-1)?.isComplete !== true;
    },
  },
  {
    rule: "GA-STR-015",
    claims: "the server works on for a client that has gone",
    before: "2.9.0",
    bad: caddy({ proxy: "flush_interval -1" }),
    good: caddy(),
    fails: async ({ port, upstream }) => {
      await hangUp(port, SLOW, 300);
      await passes(1200);
      return upstream.arrived.at(-1)?.isAbandoned === false;
    },
  },
  {
    rule: "GA-STR-016",
    claims: "a header may take minutes",
    bad: caddy({ options: "servers {\n\t\ttimeouts {\n\t\t\tread_header 10m\n\t\t}\n\t}" }),
    good: caddy({ options: "servers {\n\t\ttimeouts {\n\t\t\tread_header 1s\n\t\t}\n\t}" }),
    fails: async ({ port }) => waitsForHeader(port, 2500),
  },
  {
    rule: "GA-STR-016",
    claims: "without read_header an old Caddy waits",
    before: "2.9.0",
    bad: caddy(),
    good: caddy({ options: "servers {\n\t\ttimeouts {\n\t\t\tread_header 1s\n\t\t}\n\t}" }),
    fails: async ({ port }) => waitsForHeader(port, 2500),
  },
  {
    rule: "GA-STR-018",
    claims: "the prefix stays on the path",
    bad: caddy({ blocks: "reverse_proxy /stt/* 127.0.0.1:UPSTREAM" }),
    good: caddy({ blocks: `handle_path /stt/* {\n\t\t${TO}\n\t}` }),
    fails: answers(404, "/stt/v1/models"),
  },
  {
    rule: "GA-STR-018",
    claims: "try_files runs first and takes every path",
    bad: caddy({
      blocks: `root * DIR\n\ttry_files {path} /page.html\n\treverse_proxy /v1/* 127.0.0.1:UPSTREAM\n\tfile_server`,
    }),
    good: caddy({
      blocks: `handle /v1/* {\n\t\t${TO}\n\t}\n\thandle {\n\t\troot * DIR\n\t\ttry_files {path} /page.html\n\t\tfile_server\n\t}`,
    }),
    fails: async (run) => (await arrival(run)) === undefined,
  },
  {
    rule: "GA-LIF-005",
    claims: "a short grace_period cuts what the server would finish",
    bad: caddy({ options: "grace_period 300ms" }),
    good: caddy({ options: "grace_period 20s" }),
    fails: async ({ port, quit }) => {
      const answer = ask(port, SLOW);
      await passes(300);
      await quit();
      return (await answer).status !== 200;
    },
  },
  {
    rule: "GA-LIF-007",
    claims: "a reload ends every session",
    from: "2.7.0",
    bad: caddy({ options: "grace_period 20s" }),
    good: caddy({ options: "grace_period 20s", proxy: "stream_close_delay 3615s" }),
    fails: async ({ port, reload }) => {
      const session = await openSession(port);
      await reload();
      await passes(1000);
      const isCut = !session.isOpen();
      session.close();
      return isCut;
    },
  },
  {
    rule: "GA-LIF-014",
    claims: "a health check of a wrong path takes the server away",
    bad: caddy({ proxy: "health_uri /healthz\n\t\thealth_interval 200ms" }),
    good: caddy({ proxy: "health_uri /ready\n\t\thealth_interval 200ms" }),
    fails: async ({ port }) => {
      await passes(1000);
      return (await ask(port, "/v1/models")).status === 503;
    },
  },
  {
    rule: "GA-LIF-017",
    claims: "a request during a restart gets 502",
    assume: { upstream: "127.0.0.1:9877" },
    bad: caddy({ upstream: "127.0.0.1:CLOSED" }),
    good: caddy({ upstream: "127.0.0.1:CLOSED", proxy: "lb_try_duration 5s" }),
    fails: async ({ port, closedPort }) => {
      const answer = ask(port, "/v1/models");
      await passes(500);
      const restarted = await startUpstream(closedPort);
      const { status } = await answer;
      await restarted.close();
      return status === 502;
    },
  },
  {
    rule: "GA-LIF-018",
    claims: "another port answers with 502",
    assume: { "server.port": "9876", upstream: "127.0.0.1:9877" },
    bad: caddy({ upstream: "127.0.0.1:CLOSED" }),
    good: caddy(),
    fails: answers(502, "/v1/models"),
  },
  {
    rule: "GA-EXP-005",
    claims: "handle blocks exclude each other",
    bad: caddy({ blocks: `handle /v1/models {\n\t\t${TO}\n\t}\n\thandle {\n\t\t${PASSWORD}\n\t\t${TO}\n\t}` }),
    good: caddy({ blocks: `handle {\n\t\t${PASSWORD}\n\t\t${TO}\n\t}` }),
    fails: answers(200, "/v1/models"),
  },
  {
    rule: "GA-EXP-006",
    claims: "every visitor comes with the operator's credentials",
    bad: caddy({ proxy: `header_up Authorization "${BASIC}"` }),
    good: caddy(),
    fails: async (run) => (await arrival(run))?.headers.authorization === BASIC,
  },
  {
    rule: "GA-EXP-007",
    claims: "the password travels on to the server",
    bad: caddy({ site: PASSWORD }),
    good: caddy({ site: PASSWORD, proxy: "header_up -Authorization" }),
    fails: async (run) => (await arrival(run, { Authorization: BASIC }))?.headers.authorization === BASIC,
  },
  {
    rule: "GA-EXP-008",
    claims: "anyone reads the metrics",
    bad: caddy(),
    good: caddy({ blocks: `handle /metrics {\n\t\trespond 404\n\t}\n\thandle {\n\t\t${TO}\n\t}` }),
    fails: answers(200, "/metrics"),
  },
  {
    rule: "GA-EXP-015",
    claims: "any local process reads and replaces the configuration",
    hasOwnAdmin: true,
    bad: caddy({ admin: "127.0.0.1:ADMIN" }),
    good: caddy({ admin: "unix//DIR/admin.sock".replace("//DIR", "/DIR") }),
    fails: async ({ adminPort }) =>
      (await ask(adminPort, "/config/", { headers: { Host: `127.0.0.1:${adminPort}` } })).status === 200,
  },
  {
    rule: "GA-EXP-017",
    claims: "no answer forbids guessing of types and framing",
    bad: caddy(HTTPS),
    good: caddy({
      ...HTTPS,
      site: `${HTTPS.site}\n\theader X-Content-Type-Options nosniff\n\theader X-Frame-Options DENY\n\theader Referrer-Policy no-referrer`,
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
    bad: caddy({ site: PASSWORD }),
    good: caddy({ blocks: `handle /health {\n\t\t${TO}\n\t}\n\thandle {\n\t\t${PASSWORD}\n\t\t${TO}\n\t}` }),
    fails: answers(401, "/health"),
  },
  {
    rule: "GA-EXP-020",
    claims: "a second policy without any source reaches the browser",
    bad: caddy({ site: `header Content-Security-Policy "default-src 'none'"` }),
    good: caddy(),
    fails: async ({ port }) => (await ask(port, "/v1/models")).rawHeaders.includes("default-src 'none'"),
  },
  {
    rule: "GA-TLS-002",
    claims: "no answer says that the name is for HTTPS alone",
    bad: caddy(HTTPS),
    good: caddy({ ...HTTPS, site: `${HTTPS.site}\n\theader Strict-Transport-Security "max-age=63072000"` }),
    fails: async ({ port }) =>
      (await ask(port, "/v1/models", { tls: {} })).headers["strict-transport-security"] === undefined,
  },
  {
    rule: "GA-TLS-003",
    claims: "301 allows a client to turn an upload into a GET",
    ...redirects("permanent", "308"),
    fails: answers(301, "/v1/transcribe", { method: "POST" }),
  },
  {
    rule: "GA-EXP-022",
    claims: "header sends a second header to the page",
    bad: caddy({ site: "header Access-Control-Allow-Origin *" }),
    good: caddy(),
    fails: pageIsMisled,
  },
  {
    rule: "GA-EXP-022",
    claims: "header_down answers in the server's place",
    bad: caddy({ proxy: "header_down Access-Control-Allow-Origin *" }),
    good: caddy(),
    fails: pageIsMisled,
  },
  {
    rule: "GA-EXP-022",
    claims: "request_header hides the page from the server",
    bad: caddy({ site: "request_header -Origin" }),
    good: caddy(),
    fails: pageIsHidden,
  },
];

export const OF_CADDY: readonly Proof[] = PROOFS.map((proof) => ({ ...proof, program: "caddy" }));

// ---

/** A plain site that sends visitors to the one with TLS. */
function redirects(bad: string, good: string): Pick<Proof, "bad" | "good"> {
  const file = (code: string): string =>
    `${caddy({ ...HTTPS, address: `https://${HOST}:ADMIN` })}http://${HOST}:LISTEN {\n\tredir https://${HOST}{uri} ${code}\n}\n`;
  return { bad: file(bad), good: file(good) };
}
