import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { whenWeEnd } from "../../support/leash.ts";

/** A second machine on this one, with systemd as its first process: see boot.sh. */
export interface Machine {
  /** Runs a shell line there and waits for its end; as anna in her clone unless said otherwise. */
  run(line: string, options?: RunOptions): Outcome;
  /** Runs a line that must succeed; its output. */
  must(line: string, options?: RunOptions): string;
  /** The command that runs a shell line there, for a terminal. */
  command(line: string, options?: RunOptions): readonly string[];
  /** Ends it and waits until nothing of it is left. */
  stop(): Promise<void>;
}

export interface RunOptions {
  readonly user?: "root" | "anna";
  readonly cwd?: string;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Outcome {
  readonly code: number | null;
  /** Standard output and standard error in the order written. */
  readonly output: string;
}

/** anna's clone of the project. */
export const CLONE = "/home/anna/gigastt";

/**
 * Returns why no machine can be started here, undefined when one can.
 * @param programs what the suite uses in the machine beside that: there is no network in it to install them
 */
export function whyNoMachine(...programs: readonly string[]): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "needs root on Linux";
  for (const program of ["unshare", "nsenter", "setpriv", "python3", "sudo", "ip", ...programs])
    if (spawnSync("which", [program]).status !== 0) return `needs ${program}`;
  if (!existsSync("/lib/systemd/systemd")) return "needs systemd";
  const tried = spawnSync("unshare", ["--mount", "--pid", "--fork", "--cgroup", "--net", "true"]);
  return tried.status === 0 ? undefined : "name spaces are not permitted here";
}

/** Starts a machine and waits until systemd says that it runs. @param kind unprivileged = its root is an ordinary user of this machine, as in an LXC container of Proxmox */
export async function bootMachine(kind: "own root" | "unprivileged" = "own root"): Promise<Machine> {
  const dir = join(tmpdir(), `gigastt-machine-${process.pid}-${++machines}`);
  const kinds = kind === "unprivileged" ? [kind] : [];
  const child = spawn("bash", [fileURLToPath(new URL("boot.sh", import.meta.url)), dir, PROJECT, ...kinds], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const leash = whenWeEnd(
    `kill -9 ${child.pid}; for i in $(seq 100); do find ${groupsOf(dir).join(" ")} -depth -type d -exec rmdir {} ';'; sleep 0.1; done; rm -rf '${dir}'`,
  );
  const stop = async (): Promise<void> => {
    await end(child, dir);
    leash.cancel();
  };
  try {
    const init = await until("its first process", () => firstProcess(child));
    const machine = machineOf(init, kind, stop);
    await until(
      "systemd",
      () => /^(?:running|degraded)/.test(machine.run("systemctl is-system-running").output) || undefined,
    );
    return machine;
  } catch (error) {
    await stop();
    throw error;
  }
}

// ---

const PROJECT = fileURLToPath(new URL("../../../", import.meta.url)).replace(/\/$/, "");
let machines = 0;

function machineOf(init: number, kind: string, stop: Machine["stop"]): Machine {
  const enter =
    `nsenter --target ${init} --mount --pid --uts --ipc --net --cgroup${kind === "unprivileged" ? " --user" : ""}`.split(
      " ",
    );
  const command: Machine["command"] = (line, { user = "anna", cwd = CLONE, env = {} } = {}) => {
    const variables = {
      HOME: user === "root" ? "/root" : `/home/${user}`,
      USER: user,
      TERM: "xterm",
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      LANG: "C.UTF-8",
      ...env,
    };
    return enter.concat(
      ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "env", "-i"],
      Object.entries(variables).map(([name, value]) => `${name}=${value}`),
      ["bash", "-c", `cd ${cwd} && ${line}`],
    );
  };
  const run: Machine["run"] = (line, options = {}) => {
    const [file = "", ...args] = command(`{ ${line}\n} 2>&1`, options);
    const { status, stdout, stderr } = spawnSync(file, args, {
      encoding: "utf8",
      input: options.input ?? "",
      timeout: 120_000,
      maxBuffer: 2 ** 26,
    });
    return { code: status, output: stdout + stderr };
  };
  return {
    run,
    command,
    stop,
    must: (line, options) => {
      const { code, output } = run(line, options);
      if (code !== 0) throw new Error(`"${line}" ended with ${code}:\n${output}`);
      return output;
    },
  };
}

/** Ends a wait at once: it cannot come true any more. */
class Hopeless extends Error {}

/** The process that was exec'd to systemd: the child of unshare. */
function firstProcess(child: ChildProcess): number | undefined {
  if (child.exitCode !== null) throw new Hopeless(`the machine ended with ${child.exitCode} before it had started`);
  const pid = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ")[0]);
  if (!Number.isInteger(pid) || pid === 0) return undefined;
  return readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "systemd" ? pid : undefined;
}

/** The kernel ends what is left and reaps it after the kill returned; only then its control groups can go. */
async function end(child: ChildProcess, dir: string): Promise<void> {
  child.kill("SIGKILL");
  await until("the machine's control groups to be gone", () => {
    const left = groupsOf(dir).filter((group) => existsSync(group));
    // Children before parents.
    for (const group of left)
      spawnSync("find", [group, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"], { stdio: "ignore" });
    return left.length === 0 || undefined;
  });
  rmSync(dir, { recursive: true, force: true });
}

/** Where the control groups of a machine may be: boot.sh takes the first that there is. */
function groupsOf(dir: string): readonly string[] {
  return ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map((root) => join(root, basename(dir)));
}

/** Polls; a loaded machine gets two minutes. */
async function until<T>(what: string, condition: () => T | undefined): Promise<T> {
  const deadline = Date.now() + 120_000;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      const value = condition();
      if (value !== undefined) return value;
    } catch (error) {
      last = error;
    }
    if (last instanceof Hopeless) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`still waiting for ${what} (${String(last)})`);
}
