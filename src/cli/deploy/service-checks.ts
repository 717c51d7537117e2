import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ResolvedConfig } from "../../config/types.ts";
import { findUser } from "../../render/deployed/reader.ts";
import { runProgram } from "../../shared/process/program.ts";

/** What would keep the unit from starting, each as one sentence with its cure. Empty when all is well. Changes nothing. */
export async function serviceProblems(config: ResolvedConfig, uid: number | undefined): Promise<readonly string[]> {
  const { systemd } = config.deploy;
  const script = join(systemd.installDir, "bin", "gigastt.js");
  const user = await findUser(systemd.user);
  const found = await Promise.all([
    uid === 0 ? undefined : "systemd units are installed by root: run the same command with sudo",
    exists(
      "/run/systemd/system",
      "systemd does not run here: start `gigastt up --detach` from this system's scheduler",
    ),
    exists(
      script,
      `there is no gigastt in ${systemd.installDir} (deploy.systemd.installDir): copy it there, or set the key`,
    ),
    exists(
      join(systemd.installDir, "dist", "cli", "main.js"),
      `gigastt in ${systemd.installDir} is not built: run ${systemd.installDir}/gigastt --version once`,
    ),
    readable(script, user),
    nodeProblem(systemd.nodePath, user),
    configProblem(systemd.configFile, user),
    user === undefined ? program("useradd", `create the user ${systemd.user} by hand`) : undefined,
    systemd.notify ? program("systemd-notify", "set deploy.systemd.notify to false") : undefined,
  ]);
  return found.filter((problem) => problem !== undefined);
}

// ---

type Ids = { readonly uid: number; readonly gid: number } | undefined;

/** What ProtectHome=yes hides from the unit. */
const HIDDEN = /^\/(?:home|root|run\/user)(?:\/|$)/;

async function exists(path: string, problem: string): Promise<string | undefined> {
  return access(path).then(
    () => undefined,
    () => problem,
  );
}

async function configProblem(path: string, user: Ids): Promise<string | undefined> {
  const about = await stat(path).catch(() => undefined);
  if (about === undefined)
    return `there is no configuration at ${path}: sudo install -D -m 0644 gigastt.config.yaml ${path}, or name another with --config`;
  return about.isFile() ? readable(path, user) : `${path} is not a file`;
}

async function nodeProblem(path: string, user: Ids): Promise<string | undefined> {
  const { trouble, stdout } = await runProgram(path, ["--version"], { timeoutMs: 10_000 });
  if (trouble !== undefined) return `${trouble}: set deploy.systemd.nodePath to the path of Node`;
  const [major = 0, minor = 0] = stdout.trim().slice(1).split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    return `${path} is Node ${stdout.trim()}, gigastt needs 20.19 or newer: set deploy.systemd.nodePath`;
  return readable(path, user);
}

/** Whether the unit's user reaches a file: the file's bits and those of every folder above it. A user not made yet counts as any other. */
async function readable(path: string, user: Ids): Promise<string | undefined> {
  if (HIDDEN.test(path))
    return `${path} is in a folder that the unit cannot see (ProtectHome): move it, for example below /opt or /etc`;
  for (let at = path, wanted = constants.R_OK; ; at = dirname(at), wanted = constants.X_OK) {
    const about = await stat(at).catch(() => undefined);
    // Missing files are reported by their own check.
    if (about === undefined) return undefined;
    const shift = about.uid === user?.uid ? 6 : about.gid === user?.gid ? 3 : 0;
    if (((about.mode >> shift) & wanted) === 0)
      return `${at} cannot be read by the service's user: sudo chmod o+${wanted === constants.R_OK ? "r" : "x"} ${at}`;
    if (at === dirname(at)) return undefined;
  }
}

async function program(name: string, cure: string): Promise<string | undefined> {
  const { isMissing } = await runProgram(name, ["--help"], { timeoutMs: 10_000 });
  return isMissing ? `${name} is not installed: install it, or ${cure}` : undefined;
}
