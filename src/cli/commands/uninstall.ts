import { spawnSync } from "node:child_process";
import { rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { modelsDir, optimizedDir } from "../../models/paths.ts";
import { loadRegistry } from "../../models/registry.ts";
import { GigasttError } from "../../shared/errors.ts";
import { isAlive } from "../../shared/process-identity.ts";
import { readClaim } from "../../supervisor/state/claim.ts";
import { callControl } from "../../supervisor/control/client.ts";
import { ownStateFiles, removeOwnStateFiles } from "../../supervisor/state/own-files.ts";
import type { StatePaths } from "../../supervisor/state/state-dir.ts";
import type { Command } from "../command.ts";
import { findUser } from "../../render/deployed/reader.ts";
import { certsFolder, outDir, secretsFolder } from "../deploy/paths.ts";
import { loadCliConfig } from "../load-config.ts";
import { configuredStatePaths, STATE_FLAGS } from "../state.ts";
import { servicePlan } from "./install-service.ts";
import { sleep } from "../../shared/timers.ts";

export const command: Command = {
  summary: "Stop gigastt and remove what it keeps on this machine",
  topic: "set-up",
  rank: 8,
  flags: {
    ...STATE_FLAGS,
    yes: { type: "boolean", short: "y", describe: "do it; without it only the list is shown" },
    models: { type: "boolean", describe: "also remove downloaded models" },
  },
  help: "Removes the service, what it keeps in the state folder, copies of models made for speed, and with --models the downloaded models. It leaves the configuration, rendered files, the secrets, certificates, models made here, anything else in its folders, the service's user and this program, and names what is there.",
  aboutService: true,
  run: async (context) => {
    const { flags, stdout } = context;
    const loaded = await loadCliConfig(context, { quiet: true });
    const { config } = loaded;
    const paths = configuredStatePaths(config.supervisor.stateDir, context);
    const plan = await servicePlan(context);
    const service = await existing(plan.files.map((file) => file.path));
    const models = modelsDir(config.model.dir, context.env);
    const downloaded = flags["models"] === true ? await downloadedModels(models) : [];
    const doomed = [...(await existing([optimizedDir(context.env)])), ...downloaded];
    const running = await readClaim(paths);
    const runs = running !== undefined && isAlive(running);
    if (flags["yes"] !== true) {
      if (runs) stdout.write(`would stop gigastt (pid ${running.pid})\n`);
      for (const path of [...service, ...(await ownStateFiles(paths)), ...doomed])
        stdout.write(`would remove ${path}\n`);
      stdout.write("nothing was done: add --yes to do it\n");
      return 0;
    }
    if (service.length > 0) for (const [file = "", ...args] of plan.undo) spawnSync(file, args, { stdio: "ignore" });
    await stopRunning(paths, context.signal);
    if (runs) stdout.write(`stopped gigastt (pid ${running.pid})\n`);
    const gone = [...service, ...(await ownStateFiles(paths)), ...doomed];
    await removeOwnStateFiles(paths);
    for (const path of gone) {
      await rm(path, { recursive: true, force: true });
      stdout.write(`removed ${path}\n`);
    }
    await rmdir(models).catch(() => {});
    if (service.length > 0) spawnSync("systemctl", ["daemon-reload"], { stdio: "ignore" });
    const { user } = config.deploy.systemd;
    const left = await existing([
      ...(loaded.path === undefined ? [] : [loaded.path, `${loaded.path}.before-rollback`]),
      outDir(loaded, context.cwd, undefined),
      secretsFolder(loaded, context.cwd, undefined),
      certsFolder(loaded, context.cwd, undefined),
      paths.dir,
      models,
    ]);
    for (const path of new Set(left)) stdout.write(`left ${path}\n`);
    if (service.length > 0 && (await findUser(user)) !== undefined)
      stdout.write(`left the user ${user}: userdel ${user}\n`);
    return 0;
  },
};

// ---

async function existing(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    paths.map(async (path) => (path !== "" && (await stat(path).catch(() => undefined)) !== undefined ? [path] : [])),
  );
  return found.flat();
}

/** Folders of models that `gigastt models pull` brings back; models made here are their maker's. */
async function downloadedModels(dir: string): Promise<string[]> {
  const { models } = await loadRegistry();
  return existing(models.filter(({ source }) => source.kind !== "bundled").map(({ id }) => join(dir, id)));
}

async function stopRunning(paths: StatePaths, signal: AbortSignal): Promise<void> {
  try {
    await callControl({ socket: paths.controlSocket, cmd: "down", timeoutMs: 15 * 60_000, signal });
    // The answer comes a moment before the process has gone and its claim with it.
    for (let i = 0; i < 100 && (await readClaim(paths)) !== undefined; i++) await sleep(50);
  } catch (error) {
    if (!(error instanceof GigasttError) || error.code !== "GST_NOT_RUNNING") throw error;
  }
}
