import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { bodyOf, readHeader } from "../header.ts";
import { lastRead } from "./last-read.ts";
import { accessFileOf } from "./secrets.ts";
import { reloadCommand, type DeployedProblem, type Deployment } from "./problem.ts";

/** Finds a proxy that runs with older files: rendered but not installed, or installed but not read since. */
export async function proxyFileProblems(deployment: Deployment): Promise<readonly DeployedProblem[]> {
  const { config, deployDir } = deployment;
  const { proxy, target } = config.deploy;
  if (target !== "host" || proxy.kind === "none" || config.supervisor.proxy.managed) return [];
  const rendered = join(deployDir, proxy.kind);
  const installed = proxy.configDir ?? `/etc/${proxy.kind}`;
  const problems: DeployedProblem[] = [];
  const read: string[] = [];
  for (const name of await readdir(rendered).catch(() => [])) {
    const file = join(installed, name);
    const [wanted, text] = await Promise.all([textOf(join(rendered, name)), textOf(file)]);
    if (wanted === undefined || readHeader(wanted).kind === "foreign") continue;
    if (text === undefined) continue;
    read.push(file);
    if (bodyOf(text) === bodyOf(wanted)) continue;
    problems.push({
      id: "proxy_outdated",
      severity: "warning",
      place: file,
      message: `${file} differs from the rendered ${join(rendered, name)}: the proxy runs with older files`,
      cure: `cp --backup=numbered ${join(rendered, name)} ${file} && ${reloadCommand(config)}`,
    });
  }
  const last = await lastRead(proxy.kind, installed);
  if (last === undefined) return problems;
  const { tls, auth } = config.deploy;
  // nginx reads the file of users on every request; keys, certificates and its own files when it is reloaded.
  const access = proxy.kind === "caddy" || auth.kind === "keys" ? accessFileOf(deployment) : undefined;
  const certificate = tls.mode === "files" || tls.mode === "internal" ? tls.certificateFile : undefined;
  for (const file of [...read, access, certificate]) {
    const changedMs = file && (await stat(file).catch(() => undefined))?.mtimeMs;
    if (!changedMs || changedMs <= last.atMs + last.toleranceMs) continue;
    problems.push({
      id: "proxy_outdated",
      severity: "warning",
      place: file,
      message: `${file} changed at ${new Date(changedMs).toISOString().slice(0, 19)}Z, after ${proxy.kind} (pid ${last.pid}) last read its files: ${proxy.kind} runs with the older one`,
      cure: `${CHECK[proxy.kind]?.(installed) ?? ""}${reloadCommand(config)}`,
    });
  }
  return problems;
}

// ---

/** What the program itself says of its files, before it is asked to take them over. */
const CHECK: Readonly<Record<string, (folder: string) => string>> = {
  nginx: () => "nginx -t && ",
  caddy: (folder) => `caddy validate --config ${join(folder, "Caddyfile")} && `,
};

async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}
