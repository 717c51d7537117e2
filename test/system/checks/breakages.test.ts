import { appendFileSync, chmodSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { depth } from "../../support/fuzz.ts";
import { createCa, createServerCertificate, type KeyPair } from "../../../src/shared/tls/pki.ts";
import { DOMAIN, FRONTS, startFront, type Faults } from "../../contract/proxy/front.ts";
import { spawnLeashed } from "../../support/leash.ts";
import { startTestServer, type TestServer } from "../../support/runtime-server.ts";
import {
  ask,
  deploy,
  remove,
  tearDown,
  TOOLS,
  type Deployment,
  type ProxyKind,
  type Reach,
  type Tool,
} from "./deployment.ts";

const DAY_MS = 86_400_000;
const ago = (days: number): Date => new Date(Date.now() - days * DAY_MS);

/** One thing that is really broken, and what each tool must say about it. A tool without a line does not look there and says nothing. */
interface Breakage {
  readonly what: string;
  readonly faults?: Faults;
  /** A file of the proxy that is wrong, for the proxies that can be wrong in that way. */
  readonly edited?: Partial<Record<ProxyKind, Edit>>;
  /** Breaks the running deployment. */
  readonly broken?: (deployment: Deployment, server: TestServer) => void | Promise<void>;
  readonly reach?: (deployment: Deployment) => Reach;
  /** Settings of the server that are wrong. */
  readonly corsAllowAny?: true;
  /** The server behind the proxy is gone. */
  readonly serverGone?: true;
  readonly says: Says;
  /** Where one proxy's tools see more or less than the other's. */
  readonly caddySays?: Says;
}

type Says = Partial<Record<Tool, RegExp>>;
type Edit = readonly [pattern: RegExp, replacement: string];

const write = ({ running }: Deployment, name: string, text: string): void =>
  writeFileSync(join(running.dir, name), text);
const read = ({ running }: Deployment, name: string): string => readFileSync(join(running.dir, name), "utf8");
const reissued = (make: (ca: KeyPair) => Promise<KeyPair>): Faults => ({ certificate: make });
const MAIN = { nginx: "gigastt.conf", caddy: "Caddyfile" };
const USERS = { nginx: "users.htpasswd", caddy: "users.caddy" };
const edit = (kind: ProxyKind, [pattern, replacement]: Edit): Faults => ({
  edit: (path, text) => {
    if (!path.endsWith(MAIN[kind])) return text;
    const changed = text.replace(pattern, replacement);
    if (changed === text) throw new Error(`${pattern} no longer fits what is rendered`);
    return changed;
  },
});
/** The same sentence in every tool that reads files. */
const onDisk = (says: RegExp): Says => ({ doctor: says, "audit host": says, "lists and status": says });
const outside = (says: RegExp): Says => ({ verify: says, "audit --live": says });

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
    caddySays: onDisk(/server\.pem is not a certificate|server\.pem changed at .*: caddy runs with the older one/),
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
      /server\.pem changed at .*, after (?:nginx|caddy) \(pid N\) last read its files.* → (?:nginx -t|caddy validate.*) && systemctl reload \w+/,
    ),
  },
  {
    what: "rendered files that were not copied",
    broken: (deployment) =>
      appendFileSync(join(deployment.box, `deploy/${deployment.kind}/${MAIN[deployment.kind]}`), "# new\n"),
    says: onDisk(
      /(?:gigastt\.conf|Caddyfile) differs from the rendered .*: the proxy runs with older files → cp --backup=numbered/,
    ),
  },
  {
    what: "copied files that the proxy has not read",
    broken: ({ running, kind }) => utimesSync(join(running.dir, kind, MAIN[kind]), later(), later()),
    says: onDisk(/(?:gigastt\.conf|Caddyfile) changed at .*: (?:nginx|caddy) runs with the older one/),
  },
  {
    what: "the file of users deleted",
    broken: (deployment) => remove(deployment, USERS[deployment.kind]),
    says: {
      ...onDisk(/users\.\w+ does not exist: the proxy cannot check any user → gigastt secrets rotate user anna/),
      verify: /the given credentials are refused with N|answers N/,
    },
    // Caddy reads it when it is reloaded, and serves on until then.
    caddySays: onDisk(
      /users\.caddy does not exist: the proxy cannot check any user → gigastt secrets rotate user anna/,
    ),
  },
  {
    what: "a user lost from the file",
    broken: (deployment) =>
      write(deployment, USERS[deployment.kind], deployment.kind === "caddy" ? "bob x\n" : "bob:x\n"),
    says: {
      ...onDisk(/users\.\w+ lacks the user anna: the proxy refuses it/),
      verify: /the given credentials are refused with N.* → ?|the given credentials are refused/,
    },
    caddySays: onDisk(/users\.caddy lacks the user anna|users\.caddy changed at .*: caddy runs with the older one/),
  },
  {
    what: "no user at all",
    broken: (deployment) => {
      write(deployment, USERS[deployment.kind], "");
      write(deployment, "secrets.json", JSON.stringify({ version: 1, users: [], keys: [] }));
    },
    says: {
      ...onDisk(/users\.\w+ holds no user: every request is refused → gigastt secrets create user NAME/),
      verify: /the given credentials are refused/,
    },
    caddySays: onDisk(
      /users\.caddy holds no user: every request is refused|users\.caddy changed at .*: caddy runs with the older one/,
    ),
  },
  {
    what: "a file of users that the proxy's user may not read",
    broken: ({ running, kind }) => chmodSync(join(running.dir, USERS[kind]), 0o600),
    says: {
      ...onDisk(
        /(?:www-data|caddy), the proxy's user, cannot read .*users\.\w+: every request is refused → chown -R (?:www-data|caddy):/,
      ),
      verify: /answers N|refused with N/,
    },
    caddySays: onDisk(
      /caddy, the proxy's user, cannot read .*users\.caddy: every request is refused → chown -R caddy:/,
    ),
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
    // Caddy goes on trying for longer than the tool waits.
    caddySays: {
      verify: /^no answer within N s, though the connection stands\. Check that the server behind the proxy runs/,
    },
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
    // Caddy refuses a body when that many bytes have come, which a probe does not send: the audit of its file finds it.
    what: "a smaller body limit in the proxy",
    edited: {
      nginx: [/client_max_body_size \d+;/, "client_max_body_size 1m;"],
    },
    says: outside(/gets N before the server sees it/),
  },
  {
    what: "live sessions without the password",
    edited: {
      nginx: [/(location = \/v1\/ws \{)/, "$1\n auth_basic off;"],
      caddy: [/\n\thandle \{\n/, "\n\thandle /v1/ws {\n\t\timport gigastt_upstream\n\t}$&"],
    },
    says: outside(/ws opens a live session without credentials/),
  },
  {
    what: "a redirect with 301",
    edited: { nginx: [/return 308 ([^;]*);/, "return 301 $1;"], caddy: [/redir (.*) 308/, "redir $1 301"] },
    says: outside(/plain HTTP answers N: a POST arrives as a GET/),
  },
  {
    what: "TLS 1.1 allowed",
    edited: {
      nginx: [
        /ssl_protocols TLSv1.2 TLSv1.3;\nssl_ciphers [^;]*;/,
        "ssl_protocols TLSv1.1 TLSv1.2 TLSv1.3;\nssl_ciphers DEFAULT@SECLEVEL=0;",
      ],
    },
    says: outside(/TLS N is accepted|the suite .* is accepted/),
  },
  {
    what: "a security header lost",
    edited: { nginx: [/ add_header X-Frame-Options DENY always;/, ""], caddy: [/\n\t\tX-Frame-Options .*/, ""] },
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
    edited: { nginx: [/(location = \/v1\/ws \{)[\s\S]*?proxy_next_upstream off;/, "$1\n proxy_pass http://gigastt;"] },
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

const isRoot = process.getuid?.() === 0;

describe.each([
  ["nginx", "nginx 1.22"],
  ["caddy", "Caddy 2.11"],
] as const)("what is really broken behind %s, and what each tool says of it", (kind, name) => {
  const front = FRONTS.find((one) => one.name === name)!;
  const skip = front.missing ?? (isRoot ? undefined : "it takes root to give files to another user");
  const run = it.skipIf(skip !== undefined);
  const rows = BREAKAGES.filter(({ edited }) => edited === undefined || edited[kind] !== undefined);
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
    return deploy(running, kind, server.port);
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

  run(`a healthy deployment passes verify, live probes and lists${why(skip)}`, () => {
    expect(usual["verify"]).toEqual([]);
    expect(usual["audit --live"]).toEqual([]);
    expect(usual["lists and status"]).toEqual([]);
    expect(usual["doctor"].join("\n")).not.toMatch(/server\.pem|users\.|gigastt\.conf\b|Caddyfile/);
  });

  it("holds at least thirty breakages", () => {
    expect(rows.length).toBeGreaterThanOrEqual(30);
  });

  // A sample has every second one behind nginx, and the others behind Caddy.
  run.each(rows.filter((row) => depth === "full" || BREAKAGES.indexOf(row) % 2 === Number(kind === "caddy")))(
    `$what${why(skip)}`,
    { timeout: 120_000 },
    async ({ faults = {}, edited, broken, reach, corsAllowAny, serverGone, says, caddySays }) => {
      const change = edited?.[kind];
      const deployment = await started({
        faults: change === undefined ? faults : edit(kind, change),
        ...(serverGone && { serverGone }),
      });
      try {
        if (corsAllowAny) {
          const { current } = server.runtime.context.settings;
          server.runtime.reload({ ...current, server: { ...current.server, corsAllowAny } });
        }
        await broken?.(deployment, server);
        const found = await ask(deployment, reach?.(deployment));
        for (const tool of TOOLS) {
          const more = found[tool].filter((line) => !usual[tool].includes(line));
          const wanted = (kind === "caddy" ? (caddySays ?? says) : says)[tool];
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

function why(skip: string | undefined): string {
  return skip === undefined ? "" : ` (skipped: ${skip})`;
}

/** After everything that was started in this test. */
function later(): Date {
  return new Date(Date.now() + 60_000);
}
