import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { bodyOf, readHeader } from "../header.ts";
import { accessFileOf } from "./secrets.ts";
import { reloadCommand, type DeployedProblem, type Deployment } from "./problem.ts";

/** A worker of nginx. */
interface ProxyProcess {
  readonly pid: number;
  /** When it read its files: a reload of nginx starts new workers. */
  readonly startedMs: number;
}

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
  const newestWorker = proxy.kind === "nginx" ? await newestNginxWorker(installed) : undefined;
  if (newestWorker === undefined) return problems;
  const { tls, auth } = config.deploy;
  // nginx reads the password file on every request; keys, certificates and its own files when it is reloaded.
  const keys = auth.kind === "keys" ? accessFileOf(deployment) : undefined;
  const certificate = tls.mode === "files" || tls.mode === "internal" ? tls.certificateFile : undefined;
  for (const file of [
    ...read,
    ...(keys === undefined ? [] : [keys]),
    ...(certificate === undefined ? [] : [certificate]),
  ]) {
    const changedMs = (await stat(file).catch(() => undefined))?.mtimeMs;
    if (changedMs === undefined || changedMs <= newestWorker.startedMs + BOOT_ROUNDING_MS) continue;
    problems.push({
      id: "proxy_outdated",
      severity: "warning",
      place: file,
      message: `${file} changed at ${new Date(changedMs).toISOString().slice(0, 19)}Z, after nginx (pid ${newestWorker.pid}) last read its files: nginx runs with the older one`,
      cure: `nginx -t && ${reloadCommand(config)}`,
    });
  }
  return problems;
}

// ---

/** Linux counts process starts in hundredths of a second, from a boot time in whole seconds. */
const CLOCK_TICK_MS = 10;
const BOOT_ROUNDING_MS = 1000;

async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}

/** Reads /proc for the worker that started last, of the nginx that reads this folder. Linux only. */
async function newestNginxWorker(configDir = "/etc/nginx", proc = "/proc"): Promise<ProxyProcess | undefined> {
  const bootS = Number(/^btime (\d+)$/m.exec((await textOf(join(proc, "stat"))) ?? "")?.[1]);
  if (Number.isNaN(bootS)) return undefined;
  let newest: ProxyProcess | undefined;
  for (const pid of (await readdir(proc).catch(() => [])).filter((name) => /^\d+$/.test(name))) {
    if (!((await textOf(join(proc, pid, "cmdline"))) ?? "").startsWith("nginx: worker process")) continue;
    // After the name in brackets, which may hold anything: field 4 is the parent, field 22 the start in ticks since boot.
    const fields = ((await textOf(join(proc, pid, "stat"))) ?? "").split(") ").at(-1)?.split(" ");
    const master = (await textOf(join(proc, fields?.[1] ?? "", "cmdline"))) ?? "";
    if (dirname(/ -c ?(\S+)/.exec(master)?.[1] ?? "/etc/nginx/nginx.conf") !== configDir) continue;
    const startedMs = bootS * 1000 + Number(fields?.[19]) * CLOCK_TICK_MS;
    if (startedMs > (newest?.startedMs ?? 0)) newest = { pid: Number(pid), startedMs };
  }
  return newest;
}
