import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCa, createServerCertificate } from "../../../src/shared/pki.ts";
import { CHECKS } from "../../../src/cli/deploy/verify/checks.ts";
import { startTestServer, type TestServer } from "../../support/runtime-server.ts";
import { DOMAIN, FRONTS, PASSWORD, startFront, type Faults } from "./front.ts";
import { verifyFront } from "./verify-front.ts";

const DAY_MS = 86_400_000;

/** A cause broken on purpose, the line that must notice, and what it says. */
interface Break {
  readonly id: string;
  readonly cause: string;
  readonly says: string;
  readonly faults?: Faults;
  /** Settings of the server that are wrong. */
  readonly server?: { readonly corsAllowAny: boolean };
}

const edit = (pattern: RegExp, replacement: string): Faults => ({
  edit: (path, text) => {
    if (!path.endsWith("gigastt.conf")) return text;
    const broken = text.replace(pattern, replacement);
    expect(broken, "the pattern no longer fits what is rendered").not.toBe(text);
    return broken;
  },
});
const issued = (names: readonly string[], daysAgo: number): Faults => ({
  certificate: (ca) => createServerCertificate(ca, names, new Date(Date.now() - daysAgo * DAY_MS)),
});

const BREAKS: readonly Break[] = [
  {
    id: "certificate",
    cause: "made out to another name",
    says: "made out to another name",
    faults: issued(["other.example"], 0),
  },
  { id: "certificate", cause: "expired", says: "it has expired: renew it", faults: issued([DOMAIN], 400) },
  { id: "certificate", cause: "not renewed", says: "the renewal does not work", faults: issued([DOMAIN], 390) },
  {
    id: "certificate",
    cause: "of an unknown CA",
    says: "it is not trusted",
    faults: {
      certificate: async () => createServerCertificate(await createCa("another", new Date()), [DOMAIN], new Date()),
    },
  },
  {
    id: "redirect",
    cause: "301 instead of 308",
    says: "plain HTTP answers 301",
    faults: edit(/return 308 [^;]*;/, "return 301 https://$host$request_uri;"),
  },
  {
    id: "redirect",
    cause: "to the name that the client sent",
    says: "the name must be written out",
    faults: edit(/return 308 [^;]*;/, "return 308 https://$host$request_uri;"),
  },
  {
    id: "old-tls",
    cause: "TLS 1.1 allowed",
    says: "is accepted: allow TLS 1.2 and 1.3 only",
    faults: edit(
      /ssl_protocols TLSv1.2 TLSv1.3;\nssl_ciphers [^;]*;/,
      "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;\nssl_ciphers DEFAULT@SECLEVEL=0;",
    ),
  },
  {
    id: "health",
    cause: "answered by the proxy",
    says: "/health must be public and reach the server",
    faults: edit(/(location = \/health \{)/, "$1\n return 404;"),
  },
  {
    id: "health",
    cause: "behind the password",
    says: "answers 401",
    faults: edit(/(location = \/health \{\s*)auth_basic off;/, "$1"),
  },
  {
    id: "auth",
    cause: "no password",
    says: "everybody may come in",
    faults: edit(/auth_basic gigastt;/, "auth_basic off;"),
  },
  {
    id: "auth",
    cause: "no password for live sessions",
    says: "a live session without credentials gets",
    faults: edit(/(location = \/v1\/ws \{)/, "$1\n auth_basic off;"),
  },
  {
    id: "auth",
    cause: "other users",
    says: "the credentials given are refused with 401",
    faults: edit(/auth_basic_user_file [^;]*;/, "auth_basic_user_file /dev/null;"),
  },
  {
    id: "headers",
    cause: "one left out",
    says: "lacks x-frame-options",
    faults: edit(/ add_header X-Frame-Options DENY always;/, ""),
  },
  {
    id: "headers",
    cause: "one without always",
    says: "lacks strict-transport-security",
    faults: edit(/(add_header Strict-Transport-Security \S+) always;/, "$1;"),
  },
  {
    id: "headers",
    cause: "all lost to one in a location",
    says: "/health (200) lacks strict-transport-security, x-content-type-options",
    faults: edit(/(location = \/health \{)/, "$1\n add_header X-More yes;"),
  },
  {
    id: "metrics",
    cause: "open",
    says: "/metrics is public",
    faults: edit(/location \^~ \/metrics \{\s*return 404;/, "location ^~ /metrics {\n auth_basic off; return 200;"),
  },
  {
    id: "origin",
    cause: "every page allowed",
    says: "a page of another site gets 200, not 403",
    server: { corsAllowAny: true },
  },
  {
    id: "origin",
    cause: "our own page forgotten",
    says: "to server.allowedOrigins",
    server: { corsAllowAny: false },
  },
  {
    id: "rest",
    cause: "answered by the proxy",
    says: "a second of audio gets 204",
    faults: edit(/(location \/ \{)/, "location = /v1/transcribe { return 204; }\n$1"),
  },
  {
    id: "sse",
    cause: "answered by the proxy",
    says: "gets 204",
    faults: edit(/(location = \/v1\/transcribe\/stream \{)/, "$1\n return 204;"),
  },
  {
    id: "sse",
    cause: "compressed",
    says: "the proxy compresses it (gzip)",
    faults: edit(/gzip off;/, "gzip on; gzip_types text/event-stream; gzip_proxied any; gzip_min_length 0;"),
  },
  {
    id: "websocket",
    cause: "the upgrade is not handed on",
    says: "the handshake gets",
    faults: edit(/(location = \/v1\/ws \{)[\s\S]*?proxy_next_upstream off;/, "$1\n proxy_pass http://gigastt;"),
  },
  {
    id: "upload-limit",
    cause: "the proxy's default",
    says: "50MiB gets 413 before it is sent",
    faults: edit(/client_max_body_size \d+;/, "client_max_body_size 1m;"),
  },
  {
    id: "unknown-host",
    cause: "a default page",
    says: "the proxy answers for names that are not its own",
    faults: edit(/ssl_reject_handshake on;\s*return 444;/, "return 200 ok;"),
  },
];

const front = FRONTS.find(({ kind }) => kind === "nginx")!;
const suffix = front.missing === undefined ? "" : ` (skipped: ${front.missing})`;

describe(`gigastt verify with one cause broken on purpose${suffix}`, () => {
  const run = it.skipIf(front.missing !== undefined);
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ config: { server: { trustedProxies: ["127.0.0.1/32"], allowedOrigins: [] } } });
  });
  afterAll(() => server.close());

  it("breaks the cause of every line", () => {
    expect(new Set(BREAKS.map(({ id }) => id))).toEqual(new Set(CHECKS.map(({ id }) => id)));
  });

  run.each(BREAKS)("$id fails: $cause", async ({ id, says, faults, server: settings }) => {
    const running = await startFront(front, server.port, { deploy: { auth: { kind: "basic" } } }, faults);
    try {
      const { current } = server.runtime.context.settings;
      server.runtime.reload({
        ...current,
        server: { ...current.server, corsAllowAny: settings?.corsAllowAny ?? false },
      });
      const { code, stdout } = await verifyFront(running, ["--user", "anna", "--json"], PASSWORD);
      const { checks } = JSON.parse(stdout) as { checks: { id: string; ok: boolean; detail: string }[] }; // our own JSON
      expect(checks.find((check) => check.id === id)).toMatchObject({
        ok: false,
        detail: expect.stringContaining(says) as unknown,
      });
      expect(code).toBe(1);
    } finally {
      await running.stop();
    }
  });

  run("health, file and live session fail when the server is gone", async () => {
    const running = await startFront(front, 1, { deploy: { auth: { kind: "basic" } } });
    try {
      const { stdout } = await verifyFront(running, ["--user", "anna"], PASSWORD);
      for (const title of ["Health", "File", "Live session"]) expect(stdout).toContain(`FAILED  ${title}:`);
      expect(stdout).toContain(
        "502: the proxy does not reach the server. Is it running, and is the upstream address right?",
      );
    } finally {
      await running.stop();
    }
  });
});
