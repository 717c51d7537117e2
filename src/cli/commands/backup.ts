import { resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import { printable } from "../../shared/text/printable.ts";
import { readVersion } from "../../shared/version.ts";
import { collectFiles } from "../../supervisor/state/backup.ts";
import { MAX_CONTENT_BYTES } from "../../supervisor/state/backup-archive.ts";
import { BACKUP_FORMAT, openBackup, sealBackup } from "../../supervisor/state/backup-format.ts";
import { writeFileAtomic } from "../../shared/files.ts";
import { archivePlace } from "../../store/archive/place.ts";
import { jobPlace } from "../../store/jobs/place.ts";
import { storeDir } from "../../store/place.ts";
import { STDIO } from "../args.ts";
import type { Command } from "../command.ts";
import { secretsFolder } from "../deploy/paths.ts";
import { keepsKeysInVolume } from "../deploy/server-keys.ts";
import { loadCliConfig } from "../load-config.ts";
import { PASSPHRASE_FLAGS, readPassphrase } from "../passphrase.ts";
import { configuredStatePaths, STATE_FLAGS } from "../state.ts";
import { UsageError } from "../usage.ts";
import { installedModels } from "../installed-models.ts";

/** For the heads of the files in the archive. */
const HEADROOM_BYTES = 16 * 2 ** 20;

export const command: Command = {
  summary: "Save configuration, secrets, API keys, jobs, archive and state into one encrypted file",
  topic: "set-up",
  rank: 6,
  positionals: "FILE|-",
  flags: {
    ...STATE_FLAGS,
    ...PASSPHRASE_FLAGS,
    "without-jobs": { type: "boolean", describe: "leave jobs out, with their audio and transcripts" },
    "without-archive": { type: "boolean", describe: "leave the archive out" },
  },
  help: "Models are listed with their hashes, not included: `gigastt models pull` brings them back. Jobs are included with their transcripts, and with the audio of those that are not finished, and so is the archive; all together up to 256 MB. The file is read back and checked; `-` writes it to stdout. It is an age file: `age -d FILE | tar xz` opens it without gigastt.",
  aboutService: true,
  run: async (context) => {
    const [target] = context.positionals;
    if (target === undefined) throw new UsageError(["missing argument: FILE, where to write the backup"], ["backup"]);
    const loaded = await loadCliConfig(context, { quiet: true });
    const paths = configuredStatePaths(loaded.config.supervisor.stateDir, context);
    const passphrase = await readPassphrase(context, { confirm: true });
    const { copyArchive, copyJobs, copyStore } = await import("../../store/backup.ts");
    const files = [
      ...(await collectFiles({
        configPath: loaded.path,
        secretsDir: secretsFolder(loaded, context.cwd, undefined),
        paths,
      })),
      ...copyStore(storeDir(loaded.config, context.env)).map((file) => ({ ...file, name: `store/${file.name}` })),
    ];
    const room = (): number =>
      MAX_CONTENT_BYTES - HEADROOM_BYTES - files.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const { jobs, archive, deploy } = loaded.config;
    if (context.flags["without-jobs"] !== true && jobs.engine === "sqlite") {
      const copies = copyJobs(jobPlace(loaded.config, context.env), room());
      files.push(...copies.map((file) => ({ ...file, name: `jobs/${file.name}` })));
    }
    if (context.flags["without-archive"] !== true && archive.engine === "sqlite") {
      const copies = copyArchive(archivePlace(loaded.config, context.env), room());
      files.push(...copies.map((file) => ({ ...file, name: `archive/${file.name}` })));
    }
    for (const [what, isElsewhere, cure] of [
      ["jobs are in Redis", jobs.enabled && jobs.engine === "redis", "back Redis and the audio up where they run"],
      [
        "archive is in PostgreSQL",
        archive.enabled && archive.engine === "postgres",
        "save it with pg_dump or gigastt archive export --all FILE",
      ],
    ] as const)
      if (isElsewhere) context.stderr.write(`The ${what}, not in this file: ${cure}.\n`);
    const isInVolume = ({ enabled, engine, dir }: typeof jobs | typeof archive): boolean =>
      enabled && engine === "sqlite" && deploy.target === "compose" && dir === undefined;
    const inVolumes = [
      ...(keepsKeysInVolume(loaded) ? ["API keys"] : []),
      ...(isInVolume(jobs) ? ["jobs"] : []),
      ...(isInVolume(archive) ? ["archive"] : []),
    ];
    if (inVolumes.length > 0)
      context.stderr.write(
        `Not in this file: ${inVolumes.join(", ")}, which are in volumes of the compose project. Save them too, in the project's folder: docker compose exec -T -e GIGASTT_PASSPHRASE gigastt node /app/bin/gigastt.js backup - > data.age\n`,
      );
    const header = {
      format: BACKUP_FORMAT,
      product: "gigastt",
      version: readVersion(),
      at: new Date().toISOString(),
      configPath: loaded.path ?? null,
      models: await installedModels(loaded.config, context),
    } as const;
    const bytes = await sealBackup({ header, files }, passphrase.reveal());
    await openBackup(bytes, passphrase.reveal());
    const path = target === STDIO ? "stdout" : resolve(context.cwd, target);
    try {
      if (target === STDIO) await pipeline([bytes], context.stdout, { end: false });
      else await writeFileAtomic(path, bytes);
    } catch (error) {
      throw new GigasttError(
        "GST_OUTPUT",
        `${printable(path, 500)} cannot be written (${messageOf(error)}): choose a folder that exists and has free space`,
        { cause: error },
      );
    }
    (target === STDIO ? context.stderr : context.stdout).write(
      `${path}: ${files.length} files, ${bytes.length} bytes, checked. Not included: ${header.models.map(({ id, precision }) => `model ${id} (${precision})`).join(", ") || "no models"}\n`,
    );
    return 0;
  },
};
