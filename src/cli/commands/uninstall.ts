import { readFile, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { defaultConfig } from "../../config/defaults.ts";
import { ConfigError } from "../../config/problems/problem.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import { modelsDir, optimizedDir } from "../../models/paths.ts";
import { loadRegistry } from "../../models/registry.ts";
import { findUser } from "../../render/deployed/reader.ts";
import { readHeader } from "../../render/header.ts";
import { GigasttError } from "../../shared/errors.ts";
import { isAlive } from "../../shared/process/process-identity.ts";
import { runProgram } from "../../shared/process/program.ts";
import { sleep } from "../../shared/time/timers.ts";
import { callControl } from "../../supervisor/control/client.ts";
import { serviceFiles } from "../../supervisor/install/service-files.ts";
import { readClaim } from "../../supervisor/state/claim.ts";
import { ownStateFiles, removeOwnStateFiles } from "../../supervisor/state/own-files.ts";
import type { StatePaths } from "../../supervisor/state/state-dir.ts";
import type { Command, CommandContext } from "../command.ts";
import { LINK, linkState } from "../deploy/path-link.ts";
import { certsFolder, outDir, secretsFolder } from "../deploy/paths.ts";
import { loadCliConfig } from "../load-config.ts";
import { configuredStatePaths, STATE_FLAGS } from "../state.ts";

export const command: Command = {
  summary: "Stop gigastt and remove what it keeps on this machine",
  topic: "set-up",
  rank: 8,
  flags: {
    ...STATE_FLAGS,
    yes: { type: "boolean", short: "y", describe: "do it; without it only the list is shown" },
    models: { type: "boolean", describe: "also remove downloaded models" },
    all: {
      type: "boolean",
      describe:
        "also remove what is below /etc/gigastt and in the service's folders (secrets, certificates, all models), the configuration, and the user",
    },
  },
  help: "Removes the service, its link on PATH, what it keeps in the state folder, copies of models made for speed, and with --models the downloaded models. Everything else is listed and kept, unless --all is given. The program itself is not removed.",
  aboutService: true,
  run: async (context) => {
    const { flags, stdout } = context;
    const plan = await removalPlan(context);
    const { running, units, gone, others, user } = plan;
    if (flags["yes"] !== true) {
      if (running !== undefined) stdout.write(`would stop gigastt (pid ${running.pid})\n`);
      for (const path of [...units, ...gone]) stdout.write(`would remove ${path}\n`);
      if (flags["all"] === true && user !== undefined) stdout.write(`would remove the user ${user}\n`);
      stdout.write("nothing was removed; to remove these, add --yes\n");
      return 0;
    }
    if (units.length > 0) await disable(units);
    await stopRunning(plan.paths, context.signal);
    if (running !== undefined) stdout.write(`stopped gigastt (pid ${running.pid})\n`);
    const doomed = [...units, ...(await removalPlan(context)).gone];
    await removeOwnStateFiles(plan.paths);
    for (const path of doomed) {
      await rm(path, { recursive: true, force: true });
      stdout.write(`removed ${path}\n`);
    }
    for (const dir of plan.maybeEmpty) await rmdir(dir).catch(() => {});
    if (units.length > 0) await runProgram("systemctl", ["daemon-reload"], { timeoutMs: 60_000 });
    for (const path of await existing(others)) stdout.write(`left ${path}\n`);
    if (user !== undefined) stdout.write(await userLine(user, flags["all"] === true));
    return 0;
  },
};

// ---

interface RemovalPlan {
  readonly running: { readonly pid: number } | undefined;
  readonly paths: StatePaths;
  readonly units: readonly string[];
  /** What is removed besides the units. */
  readonly gone: readonly string[];
  /** What is left; files and folders. */
  readonly others: readonly string[];
  /** Folders of the service that go when nothing is in them. */
  readonly maybeEmpty: readonly string[];
  /** The service's user, when there is one. */
  readonly user: string | undefined;
}

async function removalPlan(context: CommandContext): Promise<RemovalPlan> {
  const { flags, env, cwd, service } = context;
  const loaded = await configOrDefault(context);
  const { config } = loaded;
  const paths = configuredStatePaths(config.supervisor.stateDir, context);
  const units = await ownUnits();
  const models = modelsDir(config.model.dir, env);
  const userName = service?.user ?? config.deploy.systemd.user;
  const claim = await readClaim(paths);
  const installDir = service?.installDir ?? config.deploy.systemd.installDir;
  const link = units.length > 0 && (await linkState(installDir)) === "ours" ? [LINK] : [];
  const rest = [
    ...(loaded.path === undefined ? [] : [loaded.path, `${loaded.path}.before-rollback`]),
    outDir(loaded, cwd, undefined),
    secretsFolder(loaded, cwd, undefined),
    certsFolder(loaded, cwd, undefined),
    models,
    paths.dir,
  ];
  const all = flags["all"] === true;
  // Folders that a configuration names may hold other people's files: a whole one goes only where gigastt alone lives.
  const roots = ["/etc/gigastt", "/var/cache/gigastt", ...(service === undefined ? [] : [service.stateDir])];
  const isOurs = (path: string): boolean =>
    path.startsWith(loaded.path ?? "\0") || roots.some((root) => path === root || path.startsWith(`${root}/`));
  const downloaded = flags["models"] === true || all ? await downloadedModels(models) : [];
  const optimized = optimizedDir(env);
  return {
    running: claim !== undefined && isAlive(claim) ? claim : undefined,
    paths,
    units,
    gone: [
      ...new Set([
        ...link,
        ...(await ownStateFiles(paths)),
        ...(await existing([optimized, ...downloaded, ...(all ? rest.filter(isOurs) : [])])),
      ]),
    ],
    others: [...new Set(all ? rest.filter((path) => !isOurs(path)) : rest)],
    maybeEmpty: [
      models,
      dirname(optimized),
      paths.dir,
      ...(all && loaded.path !== undefined ? [dirname(loaded.path)] : []),
    ],
    user: units.length > 0 && (await findUser(userName)) !== undefined ? userName : undefined,
  };
}

/** A broken configuration does not keep gigastt on the machine. */
async function configOrDefault(
  context: CommandContext,
): Promise<{ readonly config: ResolvedConfig; readonly path: string | undefined }> {
  try {
    return await loadCliConfig(context, { quiet: true });
  } catch (error) {
    const { config } = context.flags;
    if (!(error instanceof ConfigError) || typeof config !== "string") throw error;
    return { config: defaultConfig, path: config };
  }
}

/** The unit files of this machine that we rendered. */
async function ownUnits(): Promise<string[]> {
  const found = await Promise.all(
    serviceFiles(process.platform).map(async (path) => {
      const text = await readFile(path, "utf8").catch(() => undefined);
      return text !== undefined && (path.endsWith(".plist") || readHeader(text).kind !== "foreign") ? [path] : [];
    }),
  );
  return found.flat();
}

async function disable(units: readonly string[]): Promise<void> {
  const timeoutMs = 15 * 60_000;
  const agent = units.find((path) => path.endsWith(".plist"));
  if (agent !== undefined) await runProgram("launchctl", ["unload", "-w", agent], { timeoutMs });
  const names = units.flatMap((path) => /\/(gigastt[^/]*\.(?:service|socket|timer))$/.exec(path)?.[1] ?? []);
  if (names.length > 0) await runProgram("systemctl", ["disable", "--now", ...names], { timeoutMs });
}

async function userLine(user: string, remove: boolean): Promise<string> {
  if (!remove) return `left the user ${user}; remove it:\n  sudo userdel ${user}\n`;
  const { trouble } = await runProgram("userdel", [user], { timeoutMs: 60_000 });
  return trouble === undefined ? `removed the user ${user}\n` : `left the user ${user}: ${trouble}\n`;
}

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
