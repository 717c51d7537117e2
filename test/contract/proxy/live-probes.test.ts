import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCa, createServerCertificate } from "../../../src/shared/tls/pki.ts";
import { startTestServer, type TestServer } from "../../support/runtime-server.ts";
import { DOMAIN, FRONTS, KEY, PASSWORD, startFront, type RunningFront } from "./front.ts";
import { runCli } from "../../support/cli.ts";
import { ASSUMED, breakFront, changeFiles, LIMITS, notOk, probeFront } from "./probe-kit.ts";

const config = {
  rateLimit: { perMinute: 1, burst: 12 },
  session: { idleTimeoutMs: 2000 },
  server: { trustedProxies: ["127.0.0.1/32"], allowedOrigins: [`https://${DOMAIN}`] },
  metrics: { enabled: true },
};
const timing = { uploadGraceMs: 1500 };
const deploy = { auth: { kind: "basic" as const } };
/** Said in every run against this machine itself. */
const LOOPBACK = expect.stringContaining("GA-LIV-016 not-checked: the URL is this machine itself");

/** What Traefik has no setting for: docs/deploy/traefik.md. */
const TRAEFIK_LIMITS = ["GA-LIV-007", "GA-LIV-008", "GA-LIV-013"].map((id) => expect.stringContaining(id));

describe.concurrent("live probes in front of the rendered set", { timeout: 180_000 }, () => {
  for (const front of FRONTS) {
    const run = front.binary === undefined ? it.skip : it;
    const name = front.binary === undefined ? `${front.name} (skipped: ${front.missing})` : front.name;
    run(`find nothing through ${name}`, async ({ expect }) => {
      const server = await startTestServer({ config, timing });
      const running = await startFront(front, server.port, { ...config, deploy });
      try {
        const judged = await probeFront(running);
        expect(notOk(judged)).toEqual(front.kind === "traefik" ? [...TRAEFIK_LIMITS, LOOPBACK] : [LOOPBACK]);
        expect(judged.map(({ rule }) => rule.id)).toEqual(
          Array.from({ length: 18 }, (_, i) => `GA-LIV-0${String(i + 1).padStart(2, "0")}`),
        );
      } finally {
        await running.stop();
        await server.close();
      }
    });
  }
});

/** Other ways to let people in; the probes come with what each of them wants. */
const WAYS = [
  ["keys", { kind: "keys" as const }, {}],
  ["client certificates", { kind: "mtls" as const }, {}],
  ["client certificates on every path", { kind: "mtls" as const }, { publicPaths: [] }],
  ["nobody asked", { kind: "none" as const }, {}],
] as const;

describe.concurrent("live probes in front of other rendered sets", { timeout: 180_000 }, () => {
  for (const name of ["Caddy 2.11", "nginx 1.22"] as const) {
    const front = FRONTS.find((item) => item.name === name)!;
    for (const [way, auth, more] of WAYS) {
      const run = front.binary === undefined ? it.skip : it;
      run(`find nothing through ${name} with ${way}`, async ({ expect }) => {
        const server = await startTestServer({ config, timing });
        const running = await startFront(front, server.port, { ...config, deploy: { auth, ...more } });
        try {
          const judged = await probeFront(running, {
            target: {
              authorization: auth.kind === "keys" ? `Bearer ${KEY}` : undefined,
              clientCertificate: auth.kind === "mtls" ? running.client : undefined,
            },
            assume: { "deploy.auth.kind": auth.kind },
          });
          expect(notOk(judged)).toEqual([LOOPBACK]);
        } finally {
          await running.stop();
          await server.close();
        }
      });
    }
  }
});

type Changes = readonly (readonly [RegExp, string])[];
interface Break {
  readonly id: string;
  readonly what: string;
  readonly front: "nginx 1.22" | "Caddy 2.11" | "Caddy 2.6";
  readonly changes: Changes;
  readonly says: string;
  /** Other probes that see the same cause. */
  readonly also?: readonly string[];
}

/** Longer than the run: GA-LIV-007, which waits 15 s for a proxy that is well, is not checked. */
const NOT_WAITED = { slowHeadersMs: LIMITS.timeMs };

// One cause each, as somebody would really write it.
const BREAKS: readonly Break[] = [
  {
    id: "GA-LIV-001",
    what: "the address is appended",
    front: "nginx 1.22",
    changes: [[/X-Forwarded-For \$remote_addr/, "X-Forwarded-For $proxy_add_x_forwarded_for"]],
    says: "with a new X-Forwarded-For in each request the rate limit never answers 429",
  },
  {
    id: "GA-LIV-001",
    what: "the client's own header is handed on",
    front: "Caddy 2.11",
    changes: [[/header_up X-Forwarded-For \{remote_host\}/, "header_up X-Forwarded-For {header.X-Forwarded-For}"]],
    says: "with a new X-Forwarded-For in each request the rate limit never answers 429",
  },
  {
    id: "GA-LIV-002",
    what: "the Origin of requests is dropped",
    front: "nginx 1.22",
    changes: [[/location \/ \{/, 'location / {\n proxy_set_header Origin "";']],
    says: "a page of another site gets 200, not 403",
  },
  {
    id: "GA-LIV-002",
    what: "CORS is opened in the proxy",
    front: "Caddy 2.6",
    changes: [[/X-Frame-Options DENY/, "X-Frame-Options DENY\n\t\tAccess-Control-Allow-Origin *"]],
    says: "with Access-Control-Allow-Origin: *, not 403",
  },
  {
    id: "GA-LIV-003",
    what: "the Origin of handshakes is dropped",
    front: "nginx 1.22",
    changes: [[/location = \/v1\/ws \{/, 'location = /v1/ws {\n proxy_set_header Origin "";']],
    says: "a page of another site may open a live session",
  },
  {
    id: "GA-LIV-004",
    what: "the WebSocket location has no password",
    front: "nginx 1.22",
    changes: [[/location = \/v1\/ws \{/, "location = /v1/ws {\n auth_basic off;"]],
    says: "/v1/ws opens a live session without credentials",
  },
  {
    id: "GA-LIV-005",
    what: "a handle block comes before the password",
    front: "Caddy 2.11",
    changes: [[/\thandle \{/, "\thandle /v1/transcribe {\n\t\timport gigastt_upstream\n\t}\n\thandle {"]],
    says: "POST /v1/transcribe reaches the server without credentials",
  },
  {
    id: "GA-LIV-005",
    what: "the event stream has no password",
    front: "nginx 1.22",
    changes: [[/location = \/v1\/transcribe\/stream \{/, "location = /v1/transcribe/stream {\n auth_basic off;"]],
    says: "POST /v1/transcribe/stream reaches the server without credentials",
  },
  {
    id: "GA-LIV-006",
    what: "the proxy's body limit is smaller",
    front: "nginx 1.22",
    changes: [[/client_max_body_size \d+;/, "client_max_body_size 1m;"]],
    says: "gets 413 before the server sees it",
  },
  {
    id: "GA-LIV-007",
    what: "headers may take minutes",
    front: "nginx 1.22",
    changes: [[/client_header_timeout 15s/g, "client_header_timeout 300s"]],
    says: "the service still waits for slow headers",
  },
  {
    id: "GA-LIV-007",
    what: "the limit of headers is gone",
    front: "Caddy 2.11",
    changes: [[/read_header 15s/, ""]],
    says: "the service still waits for slow headers",
  },
  {
    id: "GA-LIV-007",
    what: "the proxy waits for the whole body",
    front: "nginx 1.22",
    changes: [[/proxy_request_buffering off;/, ""]],
    says: "the service still waits for a slow body",
  },
  {
    id: "GA-LIV-008",
    what: "the redirect follows the Host and changes the method",
    front: "nginx 1.22",
    changes: [[/return 308 [^;]*;/, "return 301 https://$host$request_uri;"]],
    says: "plain HTTP answers 301: a POST arrives as a GET",
  },
  {
    id: "GA-LIV-008",
    what: "plain HTTP is served",
    front: "Caddy 2.6",
    changes: [[/redir https:\S+ 308/, "import gigastt_upstream"]],
    says: "plain HTTP is answered with",
  },
  {
    id: "GA-LIV-009",
    what: "no HSTS",
    front: "nginx 1.22",
    changes: [[/add_header Strict-Transport-Security [^;]*;/, ""]],
    says: "answers carry no Strict-Transport-Security",
  },
  {
    id: "GA-LIV-010",
    what: "TLS 1.0 and the suites it needs",
    front: "nginx 1.22",
    changes: [
      [
        /ssl_protocols TLSv1.2 TLSv1.3;\nssl_ciphers [^;]*;/,
        "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;\nssl_ciphers DEFAULT@SECLEVEL=0;",
      ],
    ],
    says: "TLS 1.0 is accepted",
    also: ["GA-LIV-011"],
  },
  {
    id: "GA-LIV-011",
    what: "suites without authenticated encryption",
    front: "nginx 1.22",
    changes: [[/ssl_ciphers [^;]*;/, "ssl_ciphers DEFAULT;"]],
    says: "is accepted",
  },
  {
    id: "GA-LIV-011",
    what: "no TLS 1.3",
    front: "nginx 1.22",
    changes: [[/ssl_protocols TLSv1.2 TLSv1.3;/, "ssl_protocols TLSv1.2;"]],
    says: "TLS 1.3 is not offered",
  },
  {
    id: "GA-LIV-013",
    what: "a header is missing everywhere",
    front: "nginx 1.22",
    changes: [[/ add_header X-Frame-Options DENY always;/, ""]],
    says: "the answer 404 lacks x-frame-options",
  },
  {
    id: "GA-LIV-013",
    what: "a header is missing on errors",
    front: "nginx 1.22",
    changes: [[/(add_header Referrer-Policy \S+) always;/, "$1;"]],
    says: "the answer 401 lacks referrer-policy",
  },
  {
    id: "GA-LIV-014",
    what: "the metrics are handed on",
    front: "nginx 1.22",
    changes: [
      [
        /location \^~ \/metrics \{\s*return 404;/,
        "location ^~ /metrics {\n auth_basic off;\n proxy_pass http://gigastt;",
      ],
    ],
    says: "/metrics shows the metrics without a password",
  },
  {
    id: "GA-LIV-015",
    what: "a status page for everybody",
    front: "nginx 1.22",
    changes: [[/location \^~ \/metrics \{/, "location = /nginx_status {\n auth_basic off; stub_status;\n}\n$&"]],
    says: "/nginx_status shows nginx's status page without a password",
  },
  {
    id: "GA-LIV-017",
    what: "the proxy's timer is shorter than the silence",
    front: "nginx 1.22",
    changes: [[/(location = \/v1\/ws \{[\s\S]*?)proxy_read_timeout \d+s;/, "$1proxy_read_timeout 300ms;"]],
    says: "with 1006, without the server's idle_timeout",
  },
  {
    id: "GA-LIV-017",
    what: "streams have an end",
    front: "Caddy 2.11",
    changes: [[/lb_try_duration 5s/, "lb_try_duration 5s\n\t\tstream_timeout 1s"]],
    says: "without the server's idle_timeout",
  },
  {
    id: "GA-LIV-018",
    what: "unknown names are served",
    front: "nginx 1.22",
    changes: [[/ssl_reject_handshake on;\s*return 444;/, "return 200 ok;"]],
    says: "a name that is not its own gets 200",
  },
];

describe.concurrent("live probes with one cause broken on purpose", { timeout: 180_000 }, () => {
  for (const { id, what, front: name, changes, says, also } of BREAKS) {
    const front = FRONTS.find((item) => item.name === name)!;
    const run = front.binary === undefined ? it.skip : it;
    run(`${id} alone finds: ${what} (${name})`, async ({ expect }) => {
      const server = await startTestServer({ config, timing });
      const running = await startFront(front, server.port, { ...config, deploy });
      try {
        const slow = id === "GA-LIV-007";
        await breakFront(front, running, changes);
        const lines = notOk(await probeFront(running, slow ? {} : { limits: NOT_WAITED }));
        const found = lines.filter((line) => line.includes(" found: "));
        expect(
          found.map((line) => line.slice(0, 10)),
          lines.join("\n"),
        ).toEqual([id, ...(also ?? [])]);
        expect(found[0]).toContain(says);
      } finally {
        await running.stop();
        await server.close();
      }
    });
  }
});

describe("live probes and the certificate", () => {
  const front = FRONTS.find(({ name }) => name === "nginx 1.22")!;
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ config, timing });
  });
  afterAll(() => server.close());

  const YEAR_MS = 366 * 86_400_000;
  const cases = [
    ["expired", DOMAIN, -2 * YEAR_MS, "the certificate has expired"],
    ["for another name", "other.example.com", 0, "the certificate is for another name"],
    ["of an unknown CA", DOMAIN, 0, "the chain is incomplete, or its CA is not known"],
    ["near its end", DOMAIN, -385 * 86_400_000, "its renewal does not work"],
  ] as const;
  it.skipIf(front.binary === undefined).each(cases)(
    "GA-LIV-012 alone finds one that is %s, and no password goes to one that is not trusted",
    async (what, domain, ageMs, says) => {
      const running = await startFront(front, server.port, { ...config, deploy });
      try {
        const ca = await createCa("another CA", new Date(Date.now() - 3 * YEAR_MS));
        const pair = await createServerCertificate(ca, [domain], new Date(Date.now() + ageMs));
        writeFileSync(join(running.dir, "server.pem"), pair.certificate);
        writeFileSync(join(running.dir, "server.key"), pair.privateKey);
        await running.reload();
        const target = { ca: what === "of an unknown CA" ? running.ca : ca.certificate };
        const lines = notOk(await probeFront(running, { target, limits: NOT_WAITED }));
        const found = lines.filter((line) => line.includes(" found: "));
        expect(found).toEqual([expect.stringContaining(`GA-LIV-012 found: `)]);
        expect(found[0]).toContain(says);
        if (what !== "near its end")
          expect(lines.join("\n")).toContain(
            "GA-LIV-001 not-checked: the certificate is not trusted, so no credentials are sent",
          );
      } finally {
        await running.stop();
      }
    },
  );
});

describe("gigastt audit --live with the files of the proxy", () => {
  const front = FRONTS.find(({ name }) => name === "nginx 1.22")!;
  const run = front.binary === undefined ? it.skip : it;
  const APPEND: Changes = [[/X-Forwarded-For \$remote_addr/, "X-Forwarded-For $proxy_add_x_forwarded_for"]];
  const BACK: Changes = [[/X-Forwarded-For \$proxy_add_x_forwarded_for/, "X-Forwarded-For $remote_addr"]];

  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ config, timing });
  });
  afterAll(() => server.close());

  run("confirms a finding, contradicts one, and says when host and files differ", { timeout: 180_000 }, async () => {
    const running = await startFront(front, server.port, { ...config, deploy });
    try {
      await breakFront(front, running, APPEND);
      const confirmed = await auditLive(running);
      const check = (report: Report) => report.checks.find(({ rule }) => rule === "GA-LIV-001");
      const appended = (report: Report) => report.findings.find(({ rule }) => rule === "GA-XFF-001");
      expect(confirmed.code).toBe(1);
      expect(check(confirmed)).toMatchObject({ result: "found", filesDiffer: false });
      expect(check(confirmed)?.confirms).toContainEqual(
        expect.objectContaining({ rule: "GA-XFF-001", file: "gigastt-proxy.inc" }),
      );
      expect(appended(confirmed)?.observed).toMatchObject({ result: "confirmed", rule: "GA-LIV-001" });
      const live = confirmed.findings.find(({ rule }) => rule === "GA-LIV-001");
      expect(live).toMatchObject({
        file: `https://${DOMAIN}:${running.httpsPort}/v1/models`,
        line: 1,
        severity: "error",
      });

      // The file is mended, the proxy not yet reloaded.
      changeFiles(front, running, BACK);
      const differs = await auditLive(running);
      expect(appended(differs)).toBeUndefined();
      expect(check(differs)).toMatchObject({ result: "found", filesDiffer: true });

      // The proxy is mended, the file not.
      await running.reload();
      changeFiles(front, running, APPEND);
      const contradicted = await auditLive(running);
      expect(check(contradicted)).toMatchObject({ result: "ok" });
      expect(check(contradicted)?.contradicts).toContainEqual(expect.objectContaining({ rule: "GA-XFF-001" }));
      expect(appended(contradicted)?.observed).toMatchObject({ result: "contradicted", rule: "GA-LIV-001" });
    } finally {
      await running.stop();
    }
  });

  interface Report {
    readonly code: number | null;
    readonly findings: { rule: string; file: string; line: number; severity: string; observed?: unknown }[];
    readonly checks: {
      rule: string;
      result: string;
      filesDiffer: boolean;
      confirms: unknown[];
      contradicts: unknown[];
    }[];
  }

  async function auditLive(running: RunningFront): Promise<Report> {
    // A bucket of its own for each run: the last one emptied it.
    server.runtime.context.limiter.configure({ perMinute: 60_000, burst: 1000 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    server.runtime.context.limiter.configure(config.rateLimit);
    const assume = Object.entries(ASSUMED).flatMap(([key, value]) => ["--assume", `${key}=${value}`]);
    const { code, stdout, stderr } = await runCli(
      [
        "audit",
        "nginx",
        "--live",
        `https://${DOMAIN}:${running.httpsPort}`,
        "--consent",
        "--connect",
        "127.0.0.1",
        "--http-port",
        String(running.httpPort),
        "--ca",
        join(running.dir, "server-ca.pem"),
        "--user",
        "anna",
        "--format",
        "json",
        // Too little to wait for slow headers (GA-LIV-007).
        "--live-time",
        "84",
        ...assume,
      ],
      running.dir,
      { stdin: PASSWORD },
    );
    expect(stderr).toContain("GA-LIV-001");
    return { code, ...(JSON.parse(stdout) as Omit<Report, "code">) }; // our own JSON
  }
});

describe("live probes against an address of the network", () => {
  const front = FRONTS.find(({ name }) => name === "nginx 1.22")!;
  const address = Object.values(networkInterfaces())
    .flat()
    .find((item) => item !== undefined && !item.internal && item.family === "IPv4")?.address;
  const reason = front.binary === undefined ? front.missing : "this machine has no address in a network";
  const able = front.binary !== undefined && address !== undefined;
  (able ? it : it.skip)(
    able
      ? "GA-LIV-016 alone finds a server that answers past its proxy"
      : `GA-LIV-016 alone finds a server that answers past its proxy (skipped: ${reason})`,
    { timeout: 180_000 },
    async () => {
      const server = await startTestServer({ config, timing });
      const running = await startFront(front, server.port, { ...config, deploy });
      const open = createServer((_request, response) => response.end('{"status":"ok"}'));
      await new Promise<void>((resolve) => open.listen(0, address, resolve));
      const { port } = open.address() as AddressInfo; // a TCP server
      try {
        const judged = await probeFront(running, {
          target: { connectTo: address },
          assume: { "server.port": String(port) },
        });
        const found = notOk(judged);
        expect(found).toEqual([`GA-LIV-016 found: port ${port} answers from outside (200), without the proxy`]);
      } finally {
        open.close();
        await running.stop();
        await server.close();
      }
    },
  );
});
