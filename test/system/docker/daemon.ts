import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findTool } from "../../contract/proxy/front.ts";
import { whenWeEnd } from "../../support/leash.ts";
import { must, run, until, type Ended, type RunOptions } from "./run.ts";

/** A Docker daemon of the test's own, in namespaces of its own: bridge, firewall rules, mounts and processes end with it. */
export interface Docker {
  readonly dir: string;
  /** Where its published ports are reached from this machine, which is a client one hop away with addresses of its own. */
  readonly address: string;
  readonly address6: string;
  readonly env: NodeJS.ProcessEnv;
  /** `docker …`: stdout, or an error with all it said. */
  docker(...args: readonly string[]): Promise<string>;
  /** `docker …`, whatever its code. */
  try(...args: readonly string[]): Promise<Ended>;
  /** A line of shell, as a reader of the documentation would type it. */
  shell(line: string, options?: RunOptions): Promise<Ended>;
  stop(): Promise<void>;
}

/** What tools.sh installs and the suite cannot do without; empty = everything is here. */
export function missingForDocker(): string {
  const programs = ["dockerd", "docker", "containerd", "runc", "docker-init", "unshare", "setpriv", "nsenter", "ip"];
  const missing = programs.filter((name) => findTool(name) === undefined);
  if (process.getuid?.() !== 0) return "needs root";
  if (missing.length > 0) return `${missing.join(", ")} not installed`;
  if (!existsSync(BASE_ROOTFS)) return `no Debian root file system at ${BASE_ROOTFS}`;
  for (const plugin of ["docker-compose", "docker-buildx"])
    if (!PLUGIN_DIRS.some((dir) => existsSync(join(dir, plugin)))) return `${plugin} plugin not installed`;
  return "";
}

/** Made by .ci/tools.sh: the base of every image here, since no registry can be reached. */
export const BASE_ROOTFS = "/var/cache/gigastt-ci/bookworm.tar";

/** Starts the daemon and waits until it answers. */
export async function startDocker(): Promise<Docker> {
  const dir = mkdtempSync(join(tmpdir(), "gigastt-docker-"));
  const group = `gigastt-docker-${process.pid}`;
  const socket = join(dir, "docker.sock");
  writeFileSync(join(dir, "daemon.json"), "{}");
  for (const name of ["home", "config"]) mkdirSync(join(dir, name));
  const log = openSync(join(dir, "daemon.log"), "w");
  // Ends with the test, whatever ends that; docker-init reaps what the daemon leaves.
  const walls = "--pdeathsig KILL unshare --net --mount --pid --fork --kill-child --mount-proc docker-init --".split(
    " ",
  );
  const places = { "config-file": "daemon.json", "data-root": "data", "exec-root": "run", pidfile: "pid" };
  const options = Object.entries(places).map(([name, file]) => `--${name}=${join(dir, file)}`);
  // Docker 27 and newer filter IPv6 by default; before, it is asked for like this.
  const ipv6 = ["--experimental", "--ip6tables"];
  const program = spawn(
    "setpriv",
    [...walls, "dockerd", ...options, `--host=unix://${socket}`, `--cgroup-parent=/${group}`, ...ipv6],
    { stdio: ["ignore", log, log] },
  );
  const leash = whenWeEnd(`sleep 2; rm -rf '${dir}'`);
  const gone = new Promise<void>((resolve) => program.once("exit", () => resolve()));
  const daemonLog = (): string => readFileSync(join(dir, "daemon.log"), "utf8").split("\n").slice(-20).join("\n");
  const env: NodeJS.ProcessEnv = {
    PATH: process.env["PATH"],
    HOME: join(dir, "home"),
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_CONFIG: join(dir, "config"),
    BUILDKIT_PROGRESS: "plain",
  };
  const stop = async (): Promise<void> => {
    const ids = await run("docker", ["ps", "-aq"], { env });
    if (ids.code === 0 && ids.stdout.trim() !== "")
      await run("docker", ["rm", "-f", "-v", ...ids.stdout.trim().split("\n")], { env });
    const child = await childOf(program.pid!); // it was started
    if (child !== undefined) process.kill(child, "SIGTERM");
    const timer = setTimeout(() => program.kill("SIGKILL"), 20_000);
    await gone;
    clearTimeout(timer);
    rmSync(dir, { recursive: true, force: true });
    leash.cancel();
    await run("sh", ["-c", `find /sys/fs/cgroup -depth -type d -path '*/${group}*' -exec rmdir {} + 2>/dev/null`]);
  };
  try {
    await until(
      "the Docker daemon to answer",
      async () => {
        if (program.exitCode !== null) throw new Error(`dockerd ended:\n${daemonLog()}`);
        return (await run("docker", ["version"], { env })).code === 0;
      },
      60_000,
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${daemonLog()}`);
    });
    const inside = await until("the daemon's process", () => childOf(program.pid!)); // it was started
    const addresses = await connectTo(inside);
    return {
      dir,
      ...addresses,
      env,
      docker: (...args) => must("docker", args, { env }),
      try: (...args) => run("docker", args, { env }),
      shell: (line, options = {}) => run("bash", ["-ec", line], { ...options, env: { ...env, ...options.env } }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

// ---

const PLUGIN_DIRS = [
  "/usr/local/lib/docker/cli-plugins",
  "/usr/lib/docker/cli-plugins",
  "/usr/libexec/docker/cli-plugins",
];

/** The first process inside the namespaces. */
async function childOf(pid: number): Promise<number | undefined> {
  const found = await run("pgrep", ["-P", String(pid)]);
  return found.code === 0 ? Number(found.stdout.trim().split("\n")[0]) : undefined;
}

/** A cable between this machine and the daemon's network, out of the ranges reserved for benchmarks and for private use. */
async function connectTo(pid: number): Promise<Pick<Docker, "address" | "address6">> {
  const n = 1 + (process.pid % 250);
  const link = `gst${process.pid}`;
  const [client, address] = [`198.18.${n}.1`, `198.18.${n}.2`];
  const [client6, address6] = [`fd98:7611:${n}::1`, `fd98:7611:${n}::2`];
  await must("ip", ["link", "add", link, "type", "veth", "peer", "name", "uplink", "netns", String(pid)]);
  await must("ip", ["addr", "add", `${client}/30`, "dev", link]);
  await must("ip", ["addr", "add", `${client6}/64`, "dev", link, "nodad"]);
  await must("ip", ["link", "set", link, "up"]);
  const inside = (...args: string[]): Promise<string> =>
    must("nsenter", ["--target", String(pid), "--net", "ip", ...args]);
  await inside("link", "set", "lo", "up");
  await inside("addr", "add", `${address}/30`, "dev", "uplink");
  await inside("addr", "add", `${address6}/64`, "dev", "uplink", "nodad");
  await inside("link", "set", "uplink", "up");
  return { address, address6 };
}
