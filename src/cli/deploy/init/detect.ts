import { lookup } from "node:dns/promises";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { availableParallelism, networkInterfaces, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { installationRoot } from "../../../shared/process/entry.ts";
import { runProgram } from "../../../shared/process/program.ts";

/** What this machine has. Versions are undefined when the program is not there. */
export interface Machine {
  readonly caddy: string | undefined;
  readonly nginx: string | undefined;
  readonly haproxy: string | undefined;
  readonly traefik: string | undefined;
  readonly openssl: string | undefined;
  readonly docker: string | undefined;
  readonly kubectl: string | undefined;
  readonly systemd: boolean;
  readonly root: boolean;
  readonly cores: number;
  readonly memoryMiB: number;
  /** Folder of this installation. */
  readonly installation: string;
  /** The Node that runs it. */
  readonly node: string;
}

/** Asks the installed programs for their versions. Takes at most five seconds. */
export async function detectMachine(uid: number): Promise<Machine> {
  const [caddy, nginx, haproxy, traefik, docker, kubectl] = await Promise.all([
    output("caddy", ["version"]),
    output("nginx", ["-V"]),
    output("haproxy", ["-v"]),
    output("traefik", ["version"]),
    output("docker", ["version", "--format", "{{.Server.Version}}"]),
    output("kubectl", ["version", "--client"]),
  ]);
  return {
    caddy: caddyVersion(caddy),
    nginx: /nginx\/(\d+\.\d+\.\d+)/.exec(nginx ?? "")?.[1],
    haproxy: /version (\d+\.\d+\.\d+)/.exec(haproxy ?? "")?.[1],
    traefik: /Version:\s*v?(\d+\.\d+\.\d+)/.exec(traefik ?? "")?.[1],
    openssl: /OpenSSL (\d+\.\d+\.\d+)/.exec(nginx ?? "")?.[1],
    docker: /\d+\.\d+\.\d+/.exec(docker ?? "")?.[0],
    kubectl: /v(\d+\.\d+\.\d+)/.exec(kubectl ?? "")?.[1],
    systemd: existsSync("/run/systemd/system"),
    root: uid === 0,
    cores: availableParallelism(),
    memoryMiB: Math.floor(totalmem() / 2 ** 20),
    installation: fileURLToPath(installationRoot()).replace(/\/$/, ""),
    node: process.execPath,
  };
}

/** True when nothing listens on the port of this machine. */
export async function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    // Ports below 1024 are refused to users without telling whether they are taken.
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "EADDRINUSE"));
    server.listen({ port, host: "::", exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Whether a name leads here: `here`, `elsewhere` with its addresses, or `unknown`. */
export async function whereLeads(
  domain: string,
): Promise<{ readonly to: "here" | "elsewhere" | "unknown"; readonly addresses: readonly string[] }> {
  const found = await lookup(domain, { all: true }).catch(() => []);
  const addresses = found.map(({ address }) => address);
  if (addresses.length === 0) return { to: "unknown", addresses };
  const own = new Set(Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)));
  return { to: addresses.some((address) => own.has(address)) ? "here" : "elsewhere", addresses };
}

// ---

/** A Caddy built from source answers `unknown`: it is then taken for the newest. */
function caddyVersion(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  return /v?(\d+\.\d+\.\d+)/.exec(text)?.[1] ?? (/unknown|devel/.test(text) ? "auto" : undefined);
}

async function output(program: string, argv: readonly string[]): Promise<string | undefined> {
  const { trouble, stdout, stderr } = await runProgram(program, argv, { timeoutMs: 5000 });
  return trouble === undefined ? `${stdout}${stderr}` : undefined;
}
