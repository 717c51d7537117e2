import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LoadedConfig } from "../../../src/config/load.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { statePaths } from "../../../src/supervisor/state/state-dir.ts";
import { createUpkeep } from "../../../src/supervisor/status/upkeep.ts";
import { runLine } from "../../unit/cli/_run.ts";
import { DOMAIN, PASSWORD, type RunningFront } from "../../contract/proxy/front.ts";

/** The five kinds of tools that are asked about one deployment. */
export const TOOLS = ["doctor", "audit host", "verify", "audit --live", "lists and status"] as const;
export type Tool = (typeof TOOLS)[number];

/** The proxies whose deployments are broken. */
export type ProxyKind = "nginx" | "caddy";

/** A running proxy with its configuration, rendered files and secrets, as a person has it. */
export interface Deployment {
  readonly running: RunningFront;
  readonly kind: ProxyKind;
  /** Folder of the configuration, the state and the rendered files. */
  readonly box: string;
  readonly configFile: string;
  /** Replaces text in the configuration. */
  configure(from: string, to: string): void;
}

/** Writes the configuration, the rendered set and the store of secrets beside a running front. */
export function deploy(running: RunningFront, kind: ProxyKind, serverPort: number): Deployment {
  const { dir, httpPort, httpsPort } = running;
  const box = mkdtempSync(join(tmpdir(), "gigastt-box-"));
  chmodSync(box, 0o755);
  const configFile = join(box, "gigastt.config.yaml");
  writeFileSync(
    configFile,
    `server: { port: ${serverPort}, trustedProxies: [127.0.0.1/32] }
model: { id: demo-ru-rnnt }
supervisor: { stateDir: ${join(box, "state")} }
deploy:
  domain: ${DOMAIN}
  httpPort: ${httpPort}
  httpsPort: ${httpsPort}
  secretsDir: ${dir}
  auth: { kind: basic }
  tls: { mode: files, hsts: "on", certificateFile: ${join(dir, "server.pem")}, privateKeyFile: ${join(dir, "server.key")} }
  proxy: { kind: ${kind}, configDir: ${join(dir, kind)} }
`,
    { mode: 0o644 },
  );
  mkdirSync(join(box, "state"), { mode: 0o700 });
  writeFileSync(
    join(dir, "secrets.json"),
    JSON.stringify({ version: 1, users: [{ name: "anna", hash: "x", createdAt: "2026-01-01T00:00:00Z" }], keys: [] }),
    { mode: 0o600 },
  );
  writeFileSync(join(box, "password"), `${PASSWORD}\n`, { mode: 0o600 });
  // A running Caddy makes folders of digits beside its files for a moment, while it tests its storage.
  const isLasting = (path: string): boolean => !/\/\d+$/.test(path);
  cpSync(join(dir, kind), join(box, "deploy", kind), { recursive: true, filter: isLasting });
  return {
    running,
    kind,
    box,
    configFile,
    configure: (from, to) => {
      const text = readFileSync(configFile, "utf8");
      if (!text.includes(from)) throw new Error(`the configuration has no ${from}`);
      writeFileSync(configFile, text.replace(from, to));
    },
  };
}

/** How the service is reached, where it is not the ordinary way. */
export interface Reach {
  readonly connect?: string;
  readonly name?: string;
  readonly ca?: string;
  /** `--user anna` with the right password, a wrong one, or none at all. */
  readonly credentials?: "right" | "wrong" | "none";
}

/** What each tool says is wrong: message and cure in one line each, without numbers and the name of the folder. */
export async function ask(
  { running, box, configFile }: Deployment,
  reach: Reach = {},
): Promise<Record<Tool, string[]>> {
  const { dir } = running;
  const lines = (found: readonly string[]): string[] => [
    ...new Set(
      found.map((line) =>
        line
          .replaceAll(dir, "DIR")
          .replaceAll(box, "BOX")
          .replaceAll(/\d+(?:\.\d+)?/g, "N"),
      ),
    ),
  ];
  const run = async (words: readonly string[]): Promise<string> =>
    (await runLine(words, { env: { HOME: box, PATH: process.env["PATH"] ?? "" }, cwd: box })).stdout;
  const url = `https://${reach.name ?? DOMAIN}:${running.httpsPort}`;
  const passwordFile = reach.credentials === "wrong" ? join(dir, "server.pem") : join(box, "password");
  const outside = [
    ...(reach.name === undefined ? ["--connect", reach.connect ?? "127.0.0.1"] : []),
    "--http-port",
    String(running.httpPort),
    "--ca",
    reach.ca ?? join(dir, "server-ca.pem"),
    ...(reach.credentials === "none" ? [] : ["--user", "anna", "--password-file", passwordFile]),
  ];
  const doctor = JSON.parse(await run(["doctor", "--json", "--config", configFile])) as {
    checks: { status: string; text: string; cure?: string }[];
  }; // our own JSON, here and below
  const host = JSON.parse(await run(["audit", "host", "--format", "json", "--config", configFile])) as Findings;
  const verify = JSON.parse(await run(["verify", url, ...outside, "--timeout", "5", "--json"])) as {
    checks: { ok: boolean; detail: string }[];
  };
  const live = JSON.parse(
    await run([
      "audit",
      "--live",
      url,
      "--consent",
      ...outside,
      "--timeout",
      "5",
      "--live-time",
      "30",
      "--quiet",
      "--format",
      "json",
    ]),
  ) as Findings;
  const certs = JSON.parse(await run(["certs", "list", "--json", "--config", configFile])) as Listed;
  const secrets = JSON.parse(await run(["secrets", "list", "--json", "--config", configFile])) as Listed;
  return {
    doctor: lines(doctor.checks.filter(({ status }) => status !== "ok").map(({ text, cure }) => `${text} → ${cure}`)),
    "audit host": lines(host.findings.map(({ message, fix }) => `${message} → ${fix}`)),
    verify: lines(verify.checks.filter(({ ok }) => !ok).map(({ detail }) => detail)),
    "audit --live": lines(live.findings.map(({ message, fix }) => `${message} → ${fix}`)),
    "lists and status": lines([
      ...[...certs.problems, ...secrets.problems].map(({ message, cure }) => `${message} → ${cure}`),
      ...(await statusIssues(configFile, box)),
    ]),
  };
}

interface Findings {
  readonly findings: readonly { readonly message: string; readonly fix: string }[];
}

interface Listed {
  readonly problems: readonly { readonly message: string; readonly cure: string }[];
}

/** What the supervisor would show in `gigastt status` of the files around it. */
async function statusIssues(configFile: string, box: string): Promise<string[]> {
  const loaded: LoadedConfig = await loadConfig({ file: configFile, env: {}, cwd: box });
  const upkeep = createUpkeep({
    loaded: () => loaded,
    paths: statePaths(join(box, "state"), {}),
    env: { HOME: box },
    version: () => "0.0.0",
    emit: () => {},
    servedCertificateEndMs: () => undefined,
    programs: () => [],
  });
  await upkeep.look();
  // The front of these tests changes the rendered files for its own ports and folders.
  const others = upkeep.issues().filter(({ id }) => id !== "rendered_edited" && id !== "rendered_stale");
  return others.map(({ text, cure }) => `${text} → ${cure}`);
}

/** Ends the proxy and removes everything. */
export async function tearDown({ running, box }: Deployment): Promise<void> {
  await running.stop();
  rmSync(box, { recursive: true, force: true });
}

/** Removes a file of the deployment. */
export function remove({ running }: Deployment, name: string): void {
  rmSync(join(running.dir, name));
}
