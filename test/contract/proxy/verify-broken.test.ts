import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCa, createServerCertificate } from "../../../src/shared/tls/pki.ts";
import { VERIFY_CHECKS } from "../../../src/checks/verify/checks.ts";
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
    says: "the certificate is for another name",
    faults: issued(["other.example"], 0),
  },
  { id: "certificate", cause: "expired", says: "the certificate has expired", faults: issued([DOMAIN], 400) },
  { id: "certificate", cause: "not renewed", says: "its renewal does not work", faults: issued([DOMAIN], 390) },
  {
    id: "certificate",
    cause: "of an unknown CA",
    says: "the chain is incomplete, or its CA is not known",
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
    says: "plain HTTP redirects to another address",
    faults: edit(/return 308 [^;]*;/, "return 308 https://$host$request_uri;"),
  },
  {
    id: "old-tls",
    cause: "TLS 1.1 allowed",
    says: "TLS 1.1 is accepted",
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
    says: "reaches the server without credentials",
    faults: edit(/auth_basic gigastt;/, "auth_basic off;"),
  },
  {
    id: "auth",
    cause: "no password for live sessions",
    says: "opens a live session without credentials",
    faults: edit(/(location = \/v1\/ws \{)/, "$1\n auth_basic off;"),
  },
  {
    id: "auth",
    cause: "other users",
    says: "the given credentials are refused with 401",
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
    says: "the answer 200 lacks x-content-type-options",
    faults: edit(/(location = \/health \{)/, "$1\n add_header X-More yes;"),
  },
  {
    id: "metrics",
    cause: "open",
    says: "/metrics",
    faults: edit(
      /location \^~ \/metrics \{\s*return 404;/,
      'location ^~ /metrics {\n auth_basic off; return 200 "# TYPE gigastt_sessions gauge";',
    ),
  },
  {
    id: "origin",
    cause: "every page allowed",
    says: "a page of another site gets 200",
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
    says: "one second of audio gets 204",
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
    says: "gets 413 before the server sees it",
    faults: edit(/client_max_body_size \d+;/, "client_max_body_size 1m;"),
  },
  {
    id: "unknown-host",
    cause: "a default page",
    says: "a name that is not its own gets 200",
    faults: edit(/ssl_reject_handshake on;\s*return 444;/, "return 200 ok;"),
  },
];

const front = FRONTS.find(({ kind }) => kind === "nginx")!;
const suffix = front.missing === undefined ? "" : ` (skipped: ${front.missing})`;

describe(`gigastt verify with one cause broken on purpose${suffix}`, () => {
  const run = it.skipIf(front.missing !== undefined);
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({
      config: { server: { trustedProxies: ["127.0.0.1/32"], allowedOrigins: [], allowedHosts: [DOMAIN] } },
    });
  });
  afterAll(() => server.close());

  it("breaks the cause of every line", () => {
    expect(new Set(BREAKS.map(({ id }) => id))).toEqual(new Set(VERIFY_CHECKS.map(({ id }) => id)));
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

  run(
    "stops at the first root cause: the server is gone, the password is wrong, the certificate has expired",
    async () => {
      const gone = await startFront(front, 1, { deploy: { auth: { kind: "basic" } } });
      try {
        const { stdout, stderr, code } = await verifyFront(gone, ["--user", "anna"], PASSWORD);
        expect(failures(stdout)).toEqual([
          "FAILED  Health: 502: the proxy does not reach the server. Check that the server runs (gigastt status), and the upstream address in the proxy's file.",
        ]);
        expect(stderr).toContain("1 of 4 checks failed. 9 were not run: fix this first.");
        expect(code).toBe(1);
      } finally {
        await gone.stop();
      }
      const running = await startFront(front, server.port, { deploy: { auth: { kind: "basic" } } });
      try {
        const wrong = await verifyFront(running, ["--user", "anna"], "wrong password");
        expect(failures(wrong.stdout)).toEqual([
          "FAILED  Authentication: the given credentials are refused with 401. Check the name and the password or key: gigastt secrets list. After a change reload the proxy.",
        ]);
        const none = await verifyFront(running, [], "");
        expect(failures(none.stdout)).toEqual([
          expect.stringContaining("FAILED  Authentication: no credentials were given, and the service requires them"),
        ]);
        const open = await verifyFront(running, ["--open"], "");
        expect(failures(open.stdout)).toEqual([
          expect.stringContaining("FAILED  Authentication: a password is required"),
        ]);
      } finally {
        await running.stop();
      }
    },
  );
});

function failures(stdout: string): string[] {
  return stdout.split("\n").filter((line) => line.startsWith("FAILED"));
}
