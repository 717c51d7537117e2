import { readFile, stat } from "node:fs/promises";
import { dirname, resolve, sep } from "node:path";
import { withAbsoluteFolders } from "../../config/data-folders.ts";
import { assemble } from "../../config/load.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import { errorCodeOf, GigasttError, messageOf } from "../../shared/errors.ts";
import { printable } from "../../shared/text/printable.ts";
import { MAX_CONTENT_BYTES } from "../../supervisor/state/backup-archive.ts";
import { openBackup, refuseOtherFiles } from "../../supervisor/state/backup-format.ts";
import type { Backup } from "../../supervisor/state/backup-format.ts";
import { restoreBackup } from "../../supervisor/state/backup.ts";
import type { BackupPlaces } from "../../supervisor/state/backup.ts";
import { archivePlace } from "../../store/archive/place.ts";
import { jobPlace } from "../../store/jobs/place.ts";
import { storeDir } from "../../store/place.ts";
import { statePaths } from "../../supervisor/state/state-dir.ts";
import { STDIO } from "../args.ts";
import type { Command, CommandContext } from "../command.ts";
import { findUser } from "../../render/deployed/reader.ts";
import { give, ownerFor } from "../deploy/owner.ts";
import { secretsFolder } from "../deploy/paths.ts";
import { loadCliConfig } from "../load-config.ts";
import { modelCure } from "../installed-models.ts";
import { PASSPHRASE_FLAGS, readPassphrase } from "../passphrase.ts";
import { configuredStatePaths, STATE_FLAGS } from "../state.ts";
import { UsageError } from "../usage.ts";
import { askYes, canAsk } from "../yes.ts";

export const command: Command = {
  summary: "Restore a backup",
  topic: "set-up",
  rank: 7,
  positionals: "FILE|-",
  flags: {
    ...STATE_FLAGS,
    ...PASSPHRASE_FLAGS,
    "secrets-dir": {
      type: "string",
      value: "DIR",
      describe: "where secrets go; default: where the restored configuration reads them",
    },
    "data-only": {
      type: "boolean",
      describe: "API keys, jobs and archive alone: configuration, secrets and state stay as they are",
    },
    yes: { type: "boolean", short: "y", describe: "restore to the paths shown, without asking" },
  },
  help: "Decrypts the backup, shows where the files will go and asks for confirmation. Replaced files are kept in the state folder. As root, the restored files belong to the service's user. gigastt must be stopped. Backups of a newer format are refused. `-` reads the file from stdin.",
  aboutService: true,
  run: async (context) => {
    const [source] = context.positionals;
    if (source === undefined) throw new UsageError(["missing argument: FILE, the backup"], ["restore"]);
    const bytes = source === STDIO ? await readStdin(context) : await readBackup(resolve(context.cwd, source));
    refuseOtherFiles(bytes);
    const passphrase = await readPassphrase(context, { confirm: false });
    const whole = await openBackup(bytes, passphrase.reveal());
    const isDataOnly = context.flags["data-only"] === true;
    const backup = isDataOnly ? dataOf(whole) : whole;
    const { places, config } = isDataOnly ? await placesHere(backup, context) : await placesOf(backup, context);
    await confirm(backup, places, context);
    const { written, keptIn } = await restoreBackup(backup, places);
    await giveAway(written, places, config);
    for (const path of written) context.stdout.write(`restored ${path}\n`);
    if (keptIn !== undefined) context.stdout.write(`what was there before: ${keptIn}\n`);
    for (const model of backup.header.models)
      context.stdout.write(`model ${model.id} (${model.precision}) was not in the backup. ${await modelCure(model)}\n`);
    return 0;
  },
};

// ---

/** All of stdin, and nothing that would be too large for a backup. */
async function readStdin({ stdin }: CommandContext): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk as Uint8Array); // no encoding is set
    size += bytes.length;
    if (size > MAX_CONTENT_BYTES)
      throw new GigasttError("GST_INPUT", `stdin is not a backup: a backup has at most ${MAX_CONTENT_BYTES} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

async function readBackup(path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > MAX_CONTENT_BYTES) throw new Error(`it has ${size} bytes, a backup has at most ${MAX_CONTENT_BYTES}`);
    return await readFile(path);
  } catch (error) {
    throw new GigasttError(
      "GST_INPUT",
      `the backup ${printable(path, 500)} ${errorCodeOf(error) === "ENOENT" ? "does not exist" : `cannot be read: ${messageOf(error)}`}`,
      {
        cause: error,
      },
    );
  }
}

/** The backup without configuration, secrets and state. */
function dataOf(backup: Backup): Backup {
  const files = backup.files.filter(({ name }) => /^(?:store|jobs|archive)\//.test(name));
  if (files.length === 0)
    throw new GigasttError("GST_RESTORE_EMPTY", "the backup holds no API keys, no jobs and no archive");
  return { ...backup, files };
}

/** Where the configuration of this machine, or of this container, keeps data. What was there stays beside it: a container's state folder goes with it. */
async function placesHere(
  { files }: Backup,
  context: CommandContext,
): Promise<{ readonly places: BackupPlaces; readonly config: ResolvedConfig }> {
  const { config, path } = await loadCliConfig(context, { quiet: true });
  const places = placesIn(config, path, context);
  const has = (kind: string): boolean => files.some(({ name }) => name.startsWith(`${kind}/`));
  const keptIn = has("store") ? places.storeDir : has("jobs") ? places.jobsDir : places.archiveDir;
  return { config, places: { ...places, keptIn } };
}

/** Where everything goes: the configuration to the named file, else to where it was; secrets and state to where it wants them. */
async function placesOf(
  backup: Backup,
  context: CommandContext,
): Promise<{ readonly places: BackupPlaces; readonly config: ResolvedConfig }> {
  const { config: named, "state-dir": stateDir } = context.flags;
  const path = typeof named === "string" ? resolve(context.cwd, named) : (backup.header.configPath ?? undefined);
  const config = await configOf(backup, path, context.cwd);
  const isService = process.getuid?.() === 0 && path === config.deploy.systemd.configFile;
  const configured = config.supervisor.stateDir;
  // Not installed yet: the unit will keep its state here.
  const isUnits = isService && configured === undefined && typeof stateDir !== "string";
  return { config, places: placesIn(config, path, context, isUnits ? "/var/lib/gigastt" : undefined) };
}

function placesIn(
  config: ResolvedConfig,
  configPath: string | undefined,
  context: CommandContext,
  stateDir?: string,
): BackupPlaces {
  const paths =
    stateDir === undefined
      ? configuredStatePaths(config.supervisor.stateDir, context)
      : statePaths(stateDir, context.env);
  const installed = { ...config, supervisor: { ...config.supervisor, stateDir: paths.dir } };
  const secretsDir = context.flags["secrets-dir"];
  return {
    jobsDir: jobPlace(installed, context.env).dir,
    archiveDir: archivePlace(installed, context.env).dir,
    storeDir: storeDir(installed, context.env),
    configPath,
    secretsDir:
      typeof secretsDir === "string"
        ? resolve(context.cwd, secretsDir)
        : secretsFolder({ config, path: configPath }, context.cwd, undefined),
    paths,
    keptIn: paths.dir,
  };
}

async function configOf({ files, header }: Backup, path: string | undefined, cwd: string): Promise<ResolvedConfig> {
  const file = files.find(({ name }) => name === "config");
  const found = file === undefined ? undefined : { path: path ?? "config", shown: "config", bytes: file.bytes };
  try {
    return withAbsoluteFolders((await assemble(found, { env: {} })).config, cwd);
  } catch (error) {
    throw new GigasttError(
      "GST_RESTORE_CONFIG",
      `the configuration in the backup has problems in this version: ${messageOf(error)}\nRestore with the version that made it: ${header.version}`,
      { cause: error },
    );
  }
}

/** Shows the places and asks; without a terminal they are confirmed by --yes. */
async function confirm(backup: Backup, places: BackupPlaces, context: CommandContext): Promise<void> {
  const { flags, stderr } = context;
  const count = (kind: string): number => backup.files.filter(({ name }) => name.startsWith(`${kind}/`)).length;
  const shown = [
    ...(backup.files.some(({ name }) => name === "config") ? [`configuration → ${places.configPath ?? "?"}`] : []),
    ...(count("secrets") > 0 ? [`${count("secrets")} secrets → ${places.secretsDir}`] : []),
    ...(count("store") > 0 ? [`API keys → ${places.storeDir}`] : []),
    ...(count("jobs") > 0 ? [`jobs → ${places.jobsDir}`] : []),
    ...(count("archive") > 0 ? [`archive → ${places.archiveDir}`] : []),
    ...(count("state") > 0 ? [`${count("state")} files of the state → ${places.paths.dir}`] : []),
  ].map((line) => `  ${printable(line, 500)}\n`);
  if (shown.length === 0 || flags["yes"] === true) return;
  const about = `This backup of ${backup.header.at} (version ${backup.header.version}) restores:\n${shown.join("")}`;
  if (canAsk(context)) {
    stderr.write(about);
    if (await askYes(context, "Restore to these paths?")) return;
    throw new GigasttError("GST_RESTORE_REFUSED", "nothing was restored");
  }
  throw new GigasttError(
    "GST_RESTORE_CONFIRM",
    `${about}Nothing was restored: add --yes to restore to these places, or name others with --config, --secrets-dir and --state-dir`,
  );
}

/** As root: state and configuration to the user of the service, secrets to the proxy that reads them. */
async function giveAway(written: readonly string[], places: BackupPlaces, config: ResolvedConfig): Promise<void> {
  const uid = process.getuid?.();
  const below = (dir: string): string[] => written.filter((path) => path.startsWith(`${dir}${sep}`));
  const secrets = below(places.secretsDir);
  if (secrets.length > 0) await give(withFolders(secrets, places.secretsDir), await ownerFor(config, uid));
  const service = uid === 0 && config.deploy.target === "host" ? await findUser(config.deploy.systemd.user) : undefined;
  if (service === undefined || places.configPath !== config.deploy.systemd.configFile) return;
  for (const dir of [places.paths.dir, places.storeDir, places.jobsDir, places.archiveDir]) {
    const files = below(dir);
    if (files.length > 0) await give(withFolders(files, dir), service);
  }
}

/** The files and every folder between them and `dir`, which is included. */
function withFolders(files: readonly string[], dir: string): string[] {
  const paths = new Set<string>([dir]);
  for (const file of files) for (let path = file; path.length > dir.length; path = dirname(path)) paths.add(path);
  return [...paths];
}
