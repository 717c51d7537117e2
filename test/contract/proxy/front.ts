import { spawnSync, type ChildProcess } from "node:child_process";
import { accessSync, chmodSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import {
  createCa,
  createClientCertificate,
  createServerCertificate,
  type KeyPair,
} from "../../../src/shared/tls/pki.ts";
import { spawnLeashed, type Leashed } from "../../support/leash.ts";
import { renderFiles } from "../../../src/render/render.ts";
import type { ConfigChanges } from "../../support/runtime-server.ts";
import { configWith, type Overrides } from "../../unit/render/base-config.ts";

export const DOMAIN = "stt.example.com";
export const KEY: string = `gst_${"ab12".repeat(16)}`;
export const PASSWORD = "correct horse";
/** bcrypt of PASSWORD, cost 4: fast, and good enough for a test. */
export const PASSWORD_HASH: string = "$2b$04$ISAJU1vMlNF34/wk.vQnYuHKKshhxGpYyTwpKvKWjSupDAB8Lj6ne";

/** A proxy program of this machine, or none. */
export interface Front {
  readonly name: string;
  readonly kind: "caddy" | "nginx" | "haproxy" | "traefik" | "none";
  readonly version: string;
  /** What nginx runs with; empty for others. */
  readonly openssl: string;
  readonly binary: string | undefined;
  /** Why its tests are skipped; undefined when they run. */
  readonly missing: string | undefined;
}

/** What the programs do differently, by their nature. */
export interface Traits {
  /** Counts a body that says no length before it begins. */
  readonly countsChunks: boolean;
  /** Asks another service whether a request may pass. */
  readonly asksServices: boolean;
  /** Knows API keys. */
  readonly knowsKeys: boolean;
  /** Has routes without a client certificate beside those that want one. */
  readonly certificateByRoute: boolean;
  /** Adds a content security policy where the server sends none. */
  readonly addsPolicy: boolean;
  /** Closes the connection of a request for an unknown name; else it answers 404. */
  readonly dropsUnknownNames: boolean;
  /** A request during a restart of the server waits for the new one. */
  readonly waitsForRestart: boolean;
  /** Keeps live sessions when it is stopped. */
  readonly keepsOnStop: boolean;
  /** The redirect of a GET to HTTPS. */
  readonly redirectOfGet: 301 | 308;
}

export function traitsOf({ kind }: Front): Traits {
  const traefik = kind === "traefik";
  return {
    countsChunks: kind === "caddy" || kind === "nginx",
    asksServices: kind !== "haproxy",
    knowsKeys: !traefik,
    certificateByRoute: !traefik,
    addsPolicy: !traefik,
    dropsUnknownNames: !traefik,
    waitsForRestart: kind === "caddy" || kind === "haproxy",
    keepsOnStop: kind !== "caddy",
    redirectOfGet: traefik ? 301 : 308,
  };
}

/** A front with a program to start. */
export type ProxyFront = Front & { readonly kind: ProxyKind };
type ProxyKind = Exclude<Front["kind"], "none">;

/** The server itself, without anything in front of it. */
export const DIRECT: Front = {
  name: "no proxy",
  kind: "none",
  version: "",
  openssl: "",
  binary: undefined,
  missing: undefined,
};

export const FRONTS: readonly ProxyFront[] = [
  front("Caddy 2.11", "caddy", "2.11.4", "caddy-2.11", "v2.11"),
  front("Caddy 2.6", "caddy", "2.6.2", "caddy", "2.6"),
  front("nginx 1.22", "nginx", "1.22.1", "nginx", "nginx/1.22"),
  front("nginx 1.26", "nginx", "1.26.3", "nginx-1.26", "nginx/1.26"),
  front("newest nginx", "nginx", undefined, "nginx-newest", "nginx/"),
  front("HAProxy 2.6", "haproxy", "2.6.12", "haproxy", "2.6."),
  front("Traefik 3", "traefik", "3.6.12", "traefik", "3."),
];

export interface RunningFront {
  readonly httpPort: number;
  /** Without a proxy the server's own port, and plain HTTP. */
  readonly httpsPort: number;
  /** CA of the certificate; undefined = plain HTTP. */
  readonly ca: string | undefined;
  readonly client: KeyPair;
  readonly foreignClient: KeyPair;
  readonly dir: string;
  /** Applies the configuration again, as an operator would; resolves when no new connection meets the old one. */
  reload(): Promise<void>;
  /** Ends it as its own unit does, and resolves when it is gone. */
  quit(): Promise<void>;
  /** What it wrote to its log. */
  log(): string;
  stop(): Promise<void>;
}

/** What is wrong with a front on purpose. */
export interface Faults {
  /** Changes a rendered file. */
  readonly edit?: (path: string, text: string) => string;
  readonly certificate?: (ca: KeyPair) => Promise<KeyPair>;
}

/** The configuration of a server that knows the public name under which these proxies serve it. */
export function servedAsDomain(config: ConfigChanges = {}): ConfigChanges {
  return { ...config, deploy: { ...config.deploy, domain: DOMAIN } };
}

/** Renders for the front, puts secrets and certificates in place, starts it and waits until it listens. */
export async function startFront(
  target: Front,
  upstreamPort: number,
  overrides: Overrides = {},
  faults: Faults = {},
): Promise<RunningFront> {
  const { kind } = target;
  if (kind === "none") return withoutProxy(upstreamPort);
  const dir = mkdtempSync(join(tmpdir(), "gigastt-front-"));
  chmodSync(dir, 0o755); // nginx's workers are another user
  const [httpPort, httpsPort] = await freePorts(2);
  const now = new Date();
  const ca = await createCa("test CA", now);
  const server = await (faults.certificate?.(ca) ?? createServerCertificate(ca, [DOMAIN], now));
  const client = await createClientCertificate(ca, "laptop", now);
  const foreignClient = await createClientCertificate(await createCa("other CA", now), "laptop", now);
  const files: Readonly<Record<string, string>> = {
    "server.pem": server.certificate,
    "server.key": server.privateKey,
    // where HAProxy looks for it
    "server.pem.key": server.privateKey,
    "clients-ca.pem": ca.certificate,
    "server-ca.pem": ca.certificate,
    "users.caddy": `anna ${PASSWORD_HASH}\n`,
    "users.htpasswd": `anna:${PASSWORD_HASH}\n`,
    "users.haproxy": `userlist gigastt\nuser anna password ${PASSWORD_HASH}\n`,
    "keys.haproxy": `# laptop\nBearer ${KEY}\n`,
    "keys.caddy": `"Bearer ${KEY}" laptop\n`,
    "keys.map": `"Bearer ${KEY}" laptop;\n`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  const config = configWith({
    ...overrides,
    server: { ...overrides.server, port: upstreamPort },
    deploy: {
      domain: DOMAIN,
      ...overrides.deploy,
      httpPort: httpPort!,
      httpsPort: httpsPort!,
      secretsDir: dir,
      tls: {
        mode: "files",
        hsts: "on",
        certificateFile: join(dir, "server.pem"),
        privateKeyFile: join(dir, "server.key"),
        clientCaFile: join(dir, "clients-ca.pem"),
      },
      proxy: {
        kind,
        version: target.version,
        ...(target.openssl === "" ? {} : { opensslVersion: target.openssl }),
        configDir: join(dir, kind),
      },
    },
  });
  for (const file of renderFiles(config, [kind], { toolVersion: "0.0.0", configHash: "0".repeat(64) })) {
    const path = join(dir, file.path);
    mkdirSync(dirname(path), { recursive: true });
    // The only changes: files that a test may not share with the machine's own proxy.
    const text = file.text
      .replaceAll("/run/caddy/admin.sock", join(dir, "admin.sock"))
      .replaceAll("/run/nginx.pid", join(dir, "nginx.pid"))
      .replaceAll("/var/log/nginx/", `${dir}/`)
      .replaceAll("log /dev/log local0", "log stderr format raw local0")
      .replace(/^ +(?:user|group) haproxy\n/gm, "")
      .replace("level: INFO", "level: DEBUG");
    writeFileSync(path, faults.edit?.(file.path, text) ?? text);
  }
  const main = join(dir, kind, MAIN_FILES[kind]);
  const proxy = startProxy(target, main, dir);
  try {
    await proxy.ready(httpsPort!);
  } catch (error) {
    await proxy.leashed.kill();
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
  return {
    httpPort: httpPort!,
    httpsPort: httpsPort!,
    ca: ca.certificate,
    client,
    foreignClient,
    dir,
    log: proxy.log,
    reload: proxy.reload,
    quit: proxy.quit,
    stop: async () => {
      await proxy.leashed.stop();
      rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    },
  };
}

/** A proxy program with its main file; `dir` is its home. */
export function startProxy(
  target: Front,
  main: string,
  dir: string,
): {
  readonly leashed: Leashed;
  log(): string;
  /** Resolves when it serves the port and takes a reload. */
  ready(port: number): Promise<void>;
  reload(): Promise<void>;
  quit(): Promise<void>;
} {
  const argv = commandOf(target.kind, main, dir);
  const env = { PATH: process.env["PATH"] ?? "", HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir };
  let log = "";
  let servedPort = 0;
  const leashed = spawnLeashed(target.binary!, argv, { env, stdio: ["ignore", "pipe", "pipe"] });
  const { child } = leashed;
  for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (chunk: Buffer) => (log += chunk.toString()));
  /** Waits for a state of the proxy, at most 30 s. */
  const reached = async (state: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
    const endsAtMs = performance.now() + 30_000;
    while (!(await holds())) {
      if (child.exitCode !== null) throw new Error(`the proxy ended with ${child.exitCode}:\n${log}`);
      if (performance.now() > endsAtMs) throw new Error(`after 30 s the proxy is not one that ${state}:\n${log}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  };
  return {
    leashed,
    log: () => log,
    ready: async (port) => {
      servedPort = port;
      await reached("listens", () => accepts({ host: "127.0.0.1", port }));
      // The port is open before nginx can take a signal, and before Caddy's admin socket is there.
      if (target.kind === "caddy") await reached("takes a reload", () => accepts({ path: join(dir, "admin.sock") }));
      else if (target.kind === "traefik") await reached("knows its routes", () => hasRoutes(port));
      else await reached("has workers", () => workersOf(child).length > 0);
    },
    reload: async () => {
      if (target.kind === "nginx") {
        const old = workersOf(child);
        child.kill("SIGHUP");
        await reached("has let go of its old workers", () => {
          const now = workersOf(child);
          return now.some((pid) => !old.includes(pid)) && old.every((pid) => !now.includes(pid) || isLeaving(pid));
        });
        return;
      }
      if (target.kind === "haproxy") {
        const old = workersOf(child);
        child.kill("SIGUSR2");
        await reached("has a new worker", () => workersOf(child).some((pid) => !old.includes(pid)));
        return;
      }
      if (target.kind === "traefik") {
        const dynamic = join(dir, "traefik", "gigastt.yml");
        const before = log.length;
        // Its log says when it has read another file.
        writeFileSync(dynamic, readFileSync(dynamic, "utf8").replace(/(?:# reload\n)?$/, `# reload ${before}\n`));
        await reached("has read its file", () => log.slice(before).includes("Configuration received"));
        return;
      }
      const sockets = listenersOn(servedPort);
      const result = spawnSync(target.binary!, ["reload", "--config", main, "--adapter", "caddyfile", "--force"], {
        env,
        encoding: "utf8",
      });
      if (result.status !== 0) throw new Error(`caddy reload: ${result.stderr}`);
      // The old socket is closed after the answer; who still waits in its queue is cut.
      await reached("has closed its old socket", () => listenersOn(servedPort) === sockets);
    },
    quit: async () => {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      // nginx.service stops it with QUIT, haproxy.service with USR1, the others with TERM.
      child.kill(target.kind === "nginx" ? "SIGQUIT" : target.kind === "haproxy" ? "SIGUSR1" : "SIGTERM");
      await gone;
    },
  };
}

/** Outgoing connections of this machine take their ports above this one: a port below it is still free when the program binds it. */
const EPHEMERAL_FROM = 32_768;
const PORTS_FROM = 12_000;

/** Returns ports on which nothing listens at the moment. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = PORTS_FROM + Math.floor(Math.random() * (EPHEMERAL_FROM - PORTS_FROM));
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

/** The path of a program on PATH. */
export function findTool(name: string): string | undefined {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return undefined;
}

// ---

const MAIN_FILES: Readonly<Record<ProxyKind, string>> = {
  caddy: "Caddyfile",
  nginx: "nginx.conf",
  haproxy: "haproxy.cfg",
  traefik: "traefik.yml",
};

function commandOf(kind: Front["kind"], main: string, dir: string): readonly string[] {
  switch (kind) {
    case "caddy":
      return ["run", "--config", main, "--adapter", "caddyfile"];
    case "haproxy":
      return ["-W", "-db", "-f", main, "-f", join(dir, "users.haproxy")];
    case "traefik":
      return [`--configFile=${main}`];
    default:
      return ["-c", main, "-g", "daemon off;"];
  }
}

function withoutProxy(port: number): RunningFront {
  const none = { certificate: "", privateKey: "" };
  const refuse = (): never => {
    throw new Error("there is no proxy");
  };
  return {
    httpPort: port,
    httpsPort: port,
    ca: undefined,
    client: none,
    foreignClient: none,
    dir: "",
    log: () => "",
    reload: refuse,
    quit: refuse,
    stop: async () => {},
  };
}

/** `version` undefined = the one it says it has. */
function front(
  name: string,
  kind: ProxyKind,
  version: string | undefined,
  program: string,
  prefix: string,
): ProxyFront {
  const path = findTool(program);
  const found = path === undefined ? "" : versionOf(path, kind);
  const fits = path !== undefined && found.includes(prefix);
  return {
    name,
    kind,
    version: version ?? /nginx\/([\d.]+)/.exec(found)?.[1] ?? "",
    openssl: /(?:running|built) with OpenSSL ([\d.]+)(?!.*running)/.exec(found)?.[1] ?? "",
    binary: fits ? path : undefined,
    missing: fits
      ? undefined
      : path === undefined
        ? `${program} is not installed`
        : `${program} is ${found.split("\n", 1)[0]}, not ${prefix}`,
  };
}

function versionOf(path: string, kind: ProxyKind): string {
  const flag = { caddy: "version", traefik: "version", haproxy: "-v", nginx: "-V" }[kind];
  const result = spawnSync(path, [flag], { encoding: "utf8" });
  const text = `${result.stdout}${result.stderr}`.trim();
  // A Caddy built with `go install` does not know its own version; the module list of the binary does.
  if (text !== "unknown") return text;
  return (
    spawnSync("go", ["version", "-m", path], { encoding: "utf8" }).stdout?.match(
      /mod\s+github\.com\/caddyserver\/caddy\/v2\s+(\S+)/,
    )?.[1] ?? text
  );
}

async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once("error", () => resolve(false))
      .listen(port, () => server.close(() => resolve(true)));
  });
}

async function accepts(
  where: { readonly host: string; readonly port: number } | { readonly path: string },
): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(where, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** Traefik listens before it has read its second file: till then it answers 404 with a certificate of its own. */
async function hasRoutes(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(
      {
        port,
        host: "127.0.0.1",
        path: "/health",
        servername: DOMAIN,
        headers: { host: DOMAIN },
        rejectUnauthorized: false,
        agent: false,
      },
      (response) => {
        response.resume();
        resolve(response.statusCode !== 404);
      },
    );
    // Without a certificate of the client it ends here.
    request.on("error", (error: NodeJS.ErrnoException) => resolve(error.code?.startsWith("ERR_SSL") === true));
  });
}

/** How many sockets listen on the port, on any address. */
function listenersOn(port: number): number {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return ["/proc/net/tcp", "/proc/net/tcp6"]
    .flatMap((path) => readFileSync(path, "utf8").split("\n"))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(wanted) === true && state === "0A").length;
}

function workersOf(master: ChildProcess): readonly string[] {
  const children = readFileSync(`/proc/${master.pid}/task/${master.pid}/children`, "utf8").trim();
  return children === "" ? [] : children.split(" ");
}

/** True for a worker that takes no new connection: nginx changes its title when it closes the ports. */
function isLeaving(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("is shutting down");
  } catch {
    return true; // gone since
  }
}
