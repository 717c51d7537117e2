import { spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { PostgresPlace } from "../../src/store/archive/postgres/link.ts";
import { whenWeEnd } from "./leash.ts";

/** Folder of Debian's programs, the newest; undefined where PostgreSQL is not installed. */
export const postgresPrograms: string | undefined = programsFolder();

export interface RunningPostgres {
  readonly port: number;
  readonly passwordFile: string;
  readonly certificate: string;
  readonly pid: number;
  /** As the server's only user, over TLS unless said otherwise. */
  place(schema: string, changes?: Partial<PostgresPlace>): PostgresPlace;
  /** Runs SQL with psql and returns what it prints. */
  psql(sql: string): string;
  stop(options?: { readonly keep?: boolean }): Promise<void>;
  /** After `stop` with `keep`: the same data on the same port. */
  start(): Promise<void>;
}

export interface PostgresOptions {
  readonly settings?: Readonly<Record<string, string>>;
}

/** A real PostgreSQL with TLS and a password (SCRAM) on a port of its own. Its folder goes with it. */
export async function startPostgres({ settings = {} }: PostgresOptions = {}): Promise<RunningPostgres> {
  const bin = postgresPrograms ?? "";
  const dir = mkdtempSync(join(tmpdir(), "gigastt-postgres-"));
  const data = join(dir, "data");
  const passwordFile = join(dir, "password");
  writeFileSync(passwordFile, "correct horse battery\n");
  const certificate = join(dir, "server.crt");
  run("openssl", [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-days",
    "2",
    "-subj",
    "/CN=localhost",
    "-addext",
    "subjectAltName=DNS:localhost",
    "-keyout",
    join(dir, "server.key"),
    "-out",
    certificate,
  ]);
  chmodSync(join(dir, "server.key"), 0o600);
  giveAway(dir, passwordFile, certificate, join(dir, "server.key"));
  asUser(join(bin, "initdb"), [
    "-D",
    data,
    "-U",
    "gigastt",
    "--auth=scram-sha-256",
    `--pwfile=${passwordFile}`,
    "-E",
    "UTF8",
    "--locale=C.UTF-8",
    "--no-sync",
  ]);
  const port = await freePort();
  const all = {
    port: String(port),
    listen_addresses: "localhost",
    unix_socket_directories: "",
    ssl: "on",
    ssl_cert_file: certificate,
    ssl_key_file: join(dir, "server.key"),
    ...settings,
  };
  const flags = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const psql = (sql: string): string =>
    run(
      join(bin, "psql"),
      ["-XAtq", "-v", "ON_ERROR_STOP=1", `host=localhost port=${port} user=gigastt dbname=postgres`, "-c", sql],
      {
        PGPASSWORD: "correct horse battery",
      },
    ).trim();
  let pid = 0;
  let stopRunning = async (): Promise<void> => {};
  const start = async (): Promise<void> => {
    const [program, args] = command(join(bin, "postgres"), ["-D", data, ...flags]);
    const child = spawn(program, args, { stdio: "ignore" });
    pid = child.pid ?? 0;
    const leash = whenWeEnd(`kill -9 ${pid}; rm -rf '${dir}'`);
    stopRunning = async () => {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      // Immediately, as after a power cut.
      if (child.exitCode === null && child.kill("SIGQUIT")) await gone;
      leash.cancel();
    };
    for (
      let tries = 0;
      spawnSync(join(bin, "pg_isready"), ["-h", "localhost", "-p", String(port)]).status !== 0;
      tries++
    ) {
      if (tries > 300) throw new Error("PostgreSQL does not answer");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  await start();
  return {
    port,
    passwordFile,
    certificate,
    get pid() {
      return pid;
    },
    place: (schema, changes = {}) => ({
      url: `postgres://gigastt@localhost:${port}/postgres`,
      passwordFile,
      tls: "verify",
      caFile: certificate,
      schema,
      ...changes,
    }),
    psql,
    start,
    stop: async ({ keep = false } = {}) => {
      await stopRunning();
      if (!keep) rmSync(dir, { recursive: true, force: true });
    },
  };
}

// ---

function programsFolder(): string | undefined {
  try {
    const versions = readdirSync("/usr/lib/postgresql")
      .map(Number)
      .filter(Number.isFinite)
      .sort((a, b) => b - a);
    return versions[0] === undefined ? undefined : `/usr/lib/postgresql/${versions[0]}/bin`;
  } catch {
    return undefined;
  }
}

/** PostgreSQL does not run as root. */
function command(program: string, args: readonly string[]): [string, string[]] {
  if (userInfo().uid !== 0) return [program, [...args]];
  return ["setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", "--", program, ...args]];
}

function asUser(program: string, args: readonly string[]): void {
  run(...command(program, args));
}

function giveAway(...paths: readonly string[]): void {
  if (userInfo().uid !== 0) return;
  const uid = Number(run("id", ["-u", "postgres"]));
  for (const path of paths) chownSync(path, uid, uid);
}

function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(`${program}: ${error?.message ?? stderr}`);
  return stdout;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo; // a TCP server
      server.close(() => resolve(port));
    });
  });
}
