import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

/** The proxy that runs with the files of a folder. */
export interface LastRead {
  readonly pid: number;
  /** When it last read its files. */
  readonly atMs: number;
  /** How far the time may be off. */
  readonly toleranceMs: number;
}

/**
 * Finds when the running proxy last read its files: nginx starts new workers then, and Caddy saves what it runs with. undefined when none
 * reads this folder, or where that cannot be seen (other systems than Linux, another user's Caddy).
 */
export async function lastRead(kind: string, configDir: string): Promise<LastRead | undefined> {
  if (kind === "nginx") return newestNginxWorker(configDir);
  return kind === "caddy" ? savedByCaddy(configDir) : undefined;
}

// ---

const PROC = "/proc";
/** Linux counts process starts in hundredths of a second, from a boot time in whole seconds. */
const CLOCK_TICK_MS = 10;
const BOOT_ROUNDING_MS = 1000;

async function newestNginxWorker(configDir: string): Promise<LastRead | undefined> {
  const bootS = Number(/^btime (\d+)$/m.exec(await textOf(join(PROC, "stat")))?.[1]);
  if (Number.isNaN(bootS)) return undefined;
  let newest: LastRead | undefined;
  for (const { pid, argv } of await processes()) {
    if (!argv.startsWith("nginx: worker process")) continue;
    // After the name in brackets, which may hold anything: field 4 is the parent, field 22 the start in ticks since boot.
    const fields = (await textOf(join(PROC, pid, "stat"))).split(") ").at(-1)?.split(" ");
    const master = await textOf(join(PROC, fields?.[1] ?? "", "cmdline"));
    if (dirname(/ -c ?(\S+)/.exec(master)?.[1] ?? "/etc/nginx/nginx.conf") !== configDir) continue;
    const atMs = bootS * 1000 + Number(fields?.[19]) * CLOCK_TICK_MS;
    if (atMs > (newest?.atMs ?? 0)) newest = { pid: Number(pid), atMs, toleranceMs: BOOT_ROUNDING_MS };
  }
  return newest;
}

/** Caddy writes the configuration that it runs with to `autosave.json` each time it takes one over. */
async function savedByCaddy(configDir: string): Promise<LastRead | undefined> {
  for (const { pid, argv } of await processes()) {
    const words = argv.split("\0");
    if (!words.includes("run") || !/(?:^|\/)caddy[^/]*$/.test(words[0] ?? "")) continue;
    const file = words[words.indexOf("--config") + 1] ?? "";
    if (!words.includes("--config") || dirname(file) !== configDir) continue;
    const environment = (await textOf(join(PROC, pid, "environ"))).split("\0");
    const valueOf = (name: string): string | undefined =>
      environment.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1);
    const folder = valueOf("XDG_CONFIG_HOME") ?? join(valueOf("HOME") ?? "/nonexistent", ".config");
    const atMs = await stat(join(folder, "caddy", "autosave.json")).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    );
    if (atMs !== undefined) return { pid: Number(pid), atMs, toleranceMs: 0 };
  }
  return undefined;
}

async function processes(): Promise<readonly { readonly pid: string; readonly argv: string }[]> {
  const pids = (await readdir(PROC).catch(() => [])).filter((name) => /^\d+$/.test(name));
  return Promise.all(pids.map(async (pid) => ({ pid, argv: await textOf(join(PROC, pid, "cmdline")) })));
}

async function textOf(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
