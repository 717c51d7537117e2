import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { resolve, sep } from "node:path";
import { assemble } from "../../config/load.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import { printable } from "../../shared/printable.ts";
import { restoreBackup } from "../../supervisor/state/backup.ts";
import { openBackup, readHeader, type Backup } from "../../supervisor/state/backup-format.ts";
import type { Command } from "../command.ts";
import { give, ownerFor } from "../deploy/owner.ts";
import { secretsFolder } from "../deploy/paths.ts";
import { PASSPHRASE_FLAGS, readPassphrase } from "../passphrase.ts";
import { configuredStatePaths, STATE_FLAGS } from "../state.ts";
import { UsageError } from "../usage.ts";

export const command: Command = {
  summary: "Put a backup back",
  topic: "set-up",
  rank: 7,
  positionals: "FILE",
  flags: {
    ...STATE_FLAGS,
    ...PASSPHRASE_FLAGS,
    "secrets-dir": {
      type: "string",
      value: "DIR",
      describe: "where secrets go; default: where the restored configuration reads them",
    },
  },
  help: "The backup is opened and checked first; what was there is kept in the state folder. Refused while gigastt runs, and for backups of a newer format.",
  run: async (context) => {
    const [source] = context.positionals;
    if (source === undefined) throw new UsageError(["the backup file is missing"], ["restore"]);
    const bytes = await readBackup(resolve(context.cwd, source));
    readHeader(bytes);
    const passphrase = await readPassphrase(context, { confirm: false });
    const backup = await openBackup(bytes, passphrase.reveal());
    const { config, "secrets-dir": secretsDir } = context.flags;
    const configPath = typeof config === "string" ? resolve(context.cwd, config) : undefined;
    const settings = await settingsOf(backup, configPath, context.cwd);
    const secretsTarget = typeof secretsDir === "string" ? resolve(context.cwd, secretsDir) : settings.secretsDir;
    const outcome = await restoreBackup(backup, {
      configPath,
      secretsDir: secretsTarget,
      paths: configuredStatePaths(settings.config.supervisor.stateDir, context),
    });
    // The proxy must be able to read what was root's a moment ago.
    const secrets = outcome.written.filter((path) => path.startsWith(`${secretsTarget}${sep}`));
    if (secrets.length > 0) await give([secretsTarget, ...secrets], await ownerFor(settings.config, userInfo().uid));
    for (const path of outcome.written) context.stdout.write(`restored ${path}\n`);
    if (outcome.keptIn !== undefined) context.stdout.write(`what was there before: ${outcome.keptIn}\n`);
    for (const { id, precision, cure } of outcome.header.models)
      context.stdout.write(`model of the backup: ${id} (${precision}). ${cure}\n`);
    return 0;
  },
};

// ---

async function readBackup(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new GigasttError("GST_INPUT", `the backup ${printable(path, 500)} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Where the configuration of the backup wants its secrets and its state. */
async function settingsOf(
  { files, header }: Backup,
  configPath: string | undefined,
  cwd: string,
): Promise<{ readonly secretsDir: string; readonly config: ResolvedConfig }> {
  const file = files.find(({ name }) => name === "config");
  const path = configPath ?? header.configPath ?? undefined;
  const found = file === undefined ? undefined : { path: path ?? "config", shown: "config", bytes: file.bytes };
  try {
    const { config } = await assemble(found, { env: {} });
    return { secretsDir: secretsFolder({ config, path }, cwd, undefined), config };
  } catch (error) {
    throw new GigasttError(
      "GST_RESTORE_CONFIG",
      `the configuration in the backup has problems in this version: ${messageOf(error)}\nRestore with the version that made it: ${header.version}`,
      { cause: error },
    );
  }
}
