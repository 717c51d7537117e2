import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { defaultConfig } from "../../config/defaults.ts";
import { restoreBackup } from "../../supervisor/backup.ts";
import { readHeader } from "../../supervisor/backup-format.ts";
import type { Command } from "../command.ts";
import { PASSPHRASE_FLAGS, readPassphrase } from "../passphrase.ts";
import { configuredStatePaths, STATE_FLAGS } from "../state.ts";
import { UsageError } from "../usage.ts";

export const command: Command = {
  summary: "Put a backup back",
  positionals: "FILE",
  flags: {
    ...STATE_FLAGS,
    ...PASSPHRASE_FLAGS,
    "secrets-dir": { type: "string", value: "DIR", describe: "where secrets go (default deploy.secretsDir)" },
  },
  help: "The backup is opened and checked first; what was there is kept in the state folder. Refused while gigastt runs, and for backups of a newer format.",
  run: async (context) => {
    const [source] = context.positionals;
    if (source === undefined) throw new UsageError(["the backup file is missing"], ["restore"]);
    const bytes = await readFile(resolve(context.cwd, source));
    readHeader(bytes);
    const passphrase = await readPassphrase(context, { confirm: false });
    const { config, "secrets-dir": secretsDir } = context.flags;
    const outcome = await restoreBackup(bytes, passphrase.reveal(), {
      configPath: typeof config === "string" ? resolve(context.cwd, config) : undefined,
      secretsDir: typeof secretsDir === "string" ? resolve(context.cwd, secretsDir) : defaultConfig.deploy.secretsDir,
      paths: configuredStatePaths(undefined, context),
    });
    for (const path of outcome.written) context.stdout.write(`restored ${path}\n`);
    if (outcome.keptIn !== undefined) context.stdout.write(`what was there before: ${outcome.keptIn}\n`);
    for (const model of outcome.header.models)
      context.stdout.write(`model of the backup: ${model.id}, get it with: gigastt models pull ${model.id}\n`);
    return 0;
  },
};
