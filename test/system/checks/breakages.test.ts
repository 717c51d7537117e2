import { appendFileSync, chmodSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createCa, createServerCertificate, type KeyPair } from "../../../src/shared/tls/pki.ts";
import { DOMAIN, FRONTS, startFront, type Faults } from "../../contract/proxy/front.ts";
import { spawnLeashed } from "../../support/leash.ts";
import { startTestServer, type TestServer } from "../../support/runtime-server.ts";
import { ask, deploy, remove, tearDown, TOOLS, type Deployment, type Reach, type Tool } from "./deployment.ts";

const DAY_MS = 86_400_000;
const ago = (days: number): Date => new Date(Date.now() - days * DAY_MS);

/** One thing that is really broken, and what each tool must say about it. A tool without a line does not look there and says nothing. */
interface Breakage {
  readonly what: string;
  readonly faults?: Faults;
  /** Breaks the running deployment. */
  readonly broken?: (deployment: Deployment, server: TestServer) => void | Promise<void>;
  readonly reach?: (deployment: Deployment) => Reach;
  /** Settings of the server that are wrong. */
  readonly corsAllowAny?: true;
  /** The server behind the proxy is gone. */
  readonly serverGone?: true;
  readonly says: Partial<Record<Tool, RegExp>>;
}

const write = ({ running }: Deployment, name: string, text: string): void =>
  writeFileSync(join(running.dir, name), text);
const read = ({ running }: Deployment, name: string): string => readFileSync(join(running.dir, name), "utf8");
const reissued = (make: (ca: KeyPair) => Promise<KeyPair>): Faults => ({ certificate: make });
const edit = (pattern: RegExp, replacement: string): Faults => ({
  edit: (path, text) => {
    if (!path.endsWith("gigastt.conf")) return text;
    const changed = text.replace(pattern, replacement);
    if (changed === text) throw new Error(`${pattern} no longer fits what is rendered`);
    return changed;
  },
});
/** The same sentence in every tool that reads files. */
const onDisk = (says: RegExp): Breakage["says"] => ({ doctor: says, "audit host": says, "lists and status": says });
const outside = (says: RegExp): Breakage["says"] => ({ verify: says, "audit --live": says });

const BREAKAGES: readonly Breakage[] = [
  {
    what: "the key of another certificate",
    broken: async (deployment) => {
      const other = await createServerCertificate(await createCa("x", new Date()), [DOMAIN], new Date());
      write(deployment, "server.key", other.privateKey);
    },
    says: onDisk(/server\.pem and .*server\.key do not belong together.* → .*put its issuer's files in place/i),
  },
  {
    what: "no private key",
    broken: (deployment) => remove(deployment, "server.key"),
    says: onDisk(/has no private key: .*server\.key does not exist/),
  },
  {
    what: "a private key that is something else",
    broken: (deployment) => write(deployment, "server.key", "secret\n"),
    says: onDisk(/server\.key is not a private key/),
  },
  {
    what: "no certificate",
    broken: (deployment) => remove(deployment, "server.pem"),
    says: onDisk(/server\.pem does not exist: the proxy cannot start without it/),
  },
  {
    what: "a certificate that is something else",
    broken: (deployment) => write(deployment, "server.pem", "<html>not found</html>\n"),
    says: onDisk(/server\.pem is not a certificate/),
  },
  {
    what: "an expired certificate",
    faults: reissued((ca) => createServerCertificate(ca, [DOMAIN], ago(400))),
    says: { ...onDisk(/server\.pem expired N days ago/), ...outside(/the certificate has expired/) },
  },
  {
    what: "a certificate near its end",
    faults: reissued((ca) => createServerCertificate(ca, [DOMAIN], ago(392))),
    says: {
      ...onDisk(/server\.pem has N days left/),
      ...outside(/the certificate ends in N days: its renewal does not work/),
    },
  },
  {
    what: "a certificate of tomorrow",
    faults: reissued((ca) => createServerCertificate(ca, [DOMAIN], ago(-3))),
    says: { ...onDisk(/server\.pem is not valid before/), ...outside(/the certificate is not valid yet/) },
  },
  {
    what: "a certificate for another name",
    faults: reissued((ca) => createServerCertificate(ca, ["other.example.com"], new Date())),
    says: {
      ...onDisk(/server\.pem is for other\.example\.com, not for stt\.example\.com/),
      ...outside(/the certificate is for another name/),
    },
  },
  {
    what: "an expired certificate in the chain",
    broken: async (deployment) => {
      const old = await createCa("old CA", ago(4000));
      const leaf = await createServerCertificate(old, [DOMAIN], new Date());
      write(deployment, "server.pem", leaf.certificate + old.certificate);
      write(deployment, "server.key", leaf.privateKey);
      write(deployment, "old-ca.pem", old.certificate);
      await deployment.running.reload();
    },
    reach: ({ running }) => ({ ca: join(running.dir, "old-ca.pem") }),
    says: {
      ...onDisk(/contains the intermediate certificate "old CA", which expired N days ago/),
      ...outside(/the certificate has expired/),
    },
  },
  {
    what: "a chain that does not fit",
    broken: async (deployment) => {
      const other = await createCa("another CA", new Date());
      write(deployment, "server.pem", read(deployment, "server.pem") + other.certificate);
      await deployment.running.reload();
    },
    says: onDisk(/holds a chain that does not fit: "another CA" did not issue/),
  },
  {
    what: "a certificate of a CA that clients do not know",
    faults: reissued(async () => createServerCertificate(await createCa("x", new Date()), [DOMAIN], new Date())),
    says: outside(/the chain is incomplete, or its CA is not known/),
  },
  {
    what: "a renewed certificate that the proxy has not read",
    broken: ({ running }) => utimesSync(join(running.dir, "server.pem"), later(), later()),
    says: onDisk(
      /server\.pem changed at .*, after nginx \(pid N\) last read its files.* → nginx -t && systemctl reload nginx/,
    ),
  },
  {
    what: "rendered files that were not copied",
    broken: (deployment) => appendFileSync(join(deployment.box, "deploy/nginx/gigastt.conf"), "# new\n"),
    says: onDisk(/gigastt\.conf differs from the rendered .*: the proxy runs with older files → cp --backup=numbered/),
  },
  {
    what: "copied files that the proxy has not read",
    broken: ({ running }) => utimesSync(join(running.dir, "nginx/gigastt.conf"), later(), later()),
    says: onDisk(/gigastt\.conf changed at .*: nginx runs with the older one/),
  },
  {
    what: "the file of users deleted",
    broken: (deployment) => remove(deployment, "users.htpasswd"),
    says: {
      ...onDisk(/users\.htpasswd does not exist: the proxy cannot check any user → gigastt secrets rotate user anna/),
      verify: /the given credentials are refused with N|answers N/,
    },
  },
  {
    what: "a user lost from the file",
    broken: (deployment) => write(deployment, "users.htpasswd", "bob:x\n"),
    says: {
      ...onDisk(/users\.htpasswd lacks the user anna: the proxy refuses it/),
      verify: /the given credentials are refused with N.* → ?|the given credentials are refused/,
    },
  },
  {
    what: "no user at all",
    broken: (deployment) => {
      write(deployment, "users.htpasswd", "");
      write(deployment, "secrets.json", JSON.stringify({ version: 1, users: [], keys: [] }));
    },
    says: {
      ...onDisk(/users\.htpasswd holds no user: every request is refused → gigastt secrets create user NAME/),
      verify: /the given credentials are refused/,
    },
  },
  {
    what: "a file of users that the proxy's user may not read",
    broken: ({ running }) => chmodSync(join(running.dir, "users.htpasswd"), 0o600),
    says: {
      ...onDisk(
        /www-data, the proxy's user, cannot read .*users\.htpasswd: every request is refused → chown -R www-data:/,
      ),
      verify: /answers N|refused with N/,
    },
  },
  {
    what: "a folder of secrets that is gone",
    broken: (deployment) =>
      deployment.configure(`secretsDir: ${deployment.running.dir}`, "secretsDir: /nonexistent/secrets"),
    says: onDisk(/\/nonexistent\/secrets does not exist: there is no user/),
  },
  {
    what: "a wrong password",
    reach: () => ({ credentials: "wrong" }),
    says: { verify: /^the given credentials are refused with N\. Check the name and the password or key/ },
  },
  {
    what: "no credentials given",
    reach: () => ({ credentials: "none" }),
    says: { verify: /^no credentials were given, and the service requires them/ },
  },
  {
    what: "a name that is not in DNS",
    reach: () => ({ name: "gigastt-nowhere.invalid" }),
    says: { verify: /^the name is not in DNS\. Add an A or AAAA record|^the DNS server does not answer/ },
  },
  {
    what: "no route to the host",
    reach: () => ({ connect: "2001:db8::1" }),
    says: { verify: /^no route to the host\. Check the address, the network and the firewall/ },
  },
  {
    what: "the proxy stopped",
    broken: ({ running }) => running.quit(),
    says: { verify: /^connection refused: nothing listens there\. Start the proxy/ },
  },
  {
    what: "the server stopped",
    serverGone: true,
    says: { verify: /^N: the proxy does not reach the server\. Check that the server runs/ },
  },
  {
    what: "the server's port in use by another program",
    broken: async (deployment, server) => {
      const code =
        "import socket,time; s=socket.create_server(('127.0.0.1',0)); print(s.getsockname()[1],flush=True); time.sleep(60)";
      const { child } = spawnLeashed("python3", ["-c", code], { stdio: ["ignore", "pipe", "inherit"] });
      onTestFinished(() => void child.kill());
      const [said] = (await once(child.stdout!, "data")) as [Buffer];
      deployment.configure(`port: ${server.port}`, `port: ${said.toString().trim()}`);
    },
    says: {
      doctor: /is in use by python\S* \(pid N\) → Stop it, or set server\.port/,
      "audit host": /is in use by python\S* \(pid N\) → Stop it, or set server\.port/,
    },
  },
  {
    what: "a smaller body limit in the proxy",
    faults: edit(/client_max_body_size \d+;/, "client_max_body_size 1m;"),
    says: outside(/gets N before the server sees it/),
  },
  {
    what: "live sessions without the password",
    faults: edit(/(location = \/v1\/ws \{)/, "$1\n auth_basic off;"),
    says: outside(/ws opens a live session without credentials/),
  },
  {
    what: "a redirect with 301",
    faults: edit(/return 308 ([^;]*);/, "return 301 $1;"),
    says: outside(/plain HTTP answers N: a POST arrives as a GET/),
  },
  {
    what: "TLS 1.1 allowed",
    faults: edit(
      /ssl_protocols TLSv1.2 TLSv1.3;\nssl_ciphers [^;]*;/,
      "ssl_protocols TLSv1.1 TLSv1.2 TLSv1.3;\nssl_ciphers DEFAULT@SECLEVEL=0;",
    ),
    says: outside(/TLS N is accepted|the suite .* is accepted/),
  },
  {
    what: "a security header lost",
    faults: edit(/ add_header X-Frame-Options DENY always;/, ""),
    says: outside(/lacks x-frame-options/),
  },
  {
    what: "every page allowed",
    corsAllowAny: true,
    says: outside(
      /a page of (?:another|no) site .*gets N|a preflight of another site is granted|may open a live session/,
    ),
  },
  {
    what: "WebSocket upgrades not passed on",
    faults: edit(/(location = \/v1\/ws \{)[\s\S]*?proxy_next_upstream off;/, "$1\n proxy_pass http://gigastt;"),
    says: { verify: /the handshake gets N\. The proxy does not pass WebSocket upgrades/ },
  },
  {
    what: "a configuration that every user may change",
    broken: ({ configFile }) => chmodSync(configFile, 0o666),
    says: {
      doctor: /gigastt\.config\.yaml has mode N: other users can change the configuration.* → chmod go-w/,
      "audit host": /gigastt\.config\.yaml has mode N: other users can change the configuration.* → chmod go-w/,
    },
  },
  {
    what: "a state folder that every user may read",
    broken: ({ box }) => {
      chmodSync(join(box, "state"), 0o755);
    },
    says: {
      doctor: /state has mode N: other users can look into the state folder/,
      "audit host": /state has mode N: other users can look into the state folder/,
    },
  },
];

const front = FRONTS.find(({ name }) => name === "nginx 1.22")!;
const skip = front.missing ?? (process.getuid?.() === 0 ? undefined : "it takes root to give files to another user");

describe(`what is really broken, and what each tool says of it${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
  const run = it.skipIf(skip !== undefined);
  let server: TestServer;
  let usual: Record<Tool, string[]>;

  const started = async ({ faults, serverGone }: Pick<Breakage, "faults" | "serverGone">): Promise<Deployment> => {
    const running = await startFront(
      front,
      serverGone ? 1 : server.port,
      { deploy: { auth: { kind: "basic" } } },
      faults,
    );
    const { current } = server.runtime.context.settings;
    const allowedOrigins = [`https://${DOMAIN}:${running.httpsPort}`];
    server.runtime.reload({ ...current, server: { ...current.server, allowedOrigins, corsAllowAny: false } });
    return deploy(running, server.port);
  };

  beforeAll(async () => {
    if (skip !== undefined) return;
    server = await startTestServer({ config: { server: { trustedProxies: ["127.0.0.1/32"], allowedOrigins: [] } } });
    const healthy = await started({});
    try {
      usual = await ask(healthy);
    } finally {
      await tearDown(healthy);
    }
  }, 120_000);
  afterAll(() => server?.close());

  run("a healthy deployment passes verify, live probes and lists", () => {
    expect(usual["verify"]).toEqual([]);
    expect(usual["audit --live"]).toEqual([]);
    expect(usual["lists and status"]).toEqual([]);
    expect(usual["doctor"].join("\n")).not.toMatch(/server\.pem|htpasswd|gigastt\.conf/);
  });

  it("holds at least thirty breakages", () => {
    expect(BREAKAGES.length).toBeGreaterThanOrEqual(30);
  });

  run.each(BREAKAGES)(
    "$what",
    { timeout: 120_000 },
    async ({ faults, broken, reach, corsAllowAny, serverGone, says }) => {
      const deployment = await started({ ...(faults && { faults }), ...(serverGone && { serverGone }) });
      try {
        if (corsAllowAny) {
          const { current } = server.runtime.context.settings;
          server.runtime.reload({ ...current, server: { ...current.server, corsAllowAny } });
        }
        await broken?.(deployment, server);
        const found = await ask(deployment, reach?.(deployment));
        for (const tool of TOOLS) {
          const more = found[tool].filter((line) => !usual[tool].includes(line));
          const wanted = says[tool];
          // Names the cause, and nothing but the cause; or does not look there.
          expect(
            more.filter((line) => wanted?.test(line) !== true),
            `${tool} says something else`,
          ).toEqual([]);
          if (wanted !== undefined) expect(more.length, `${tool} says nothing`).toBeGreaterThan(0);
        }
      } finally {
        await tearDown(deployment);
      }
    },
  );
});

/** After everything that was started in this test. */
function later(): Date {
  return new Date(Date.now() + 60_000);
}
