import { existsSync } from "node:fs";
import type { ResolvedConfig } from "../../config/types.ts";
import { GigasttError } from "../../shared/errors.ts";
import { MOMENT_RULE, parseMoment } from "../../store/archive/moment.ts";
import { archivePlace } from "../../store/archive/place.ts";
import type { ArchivePlace } from "../../store/archive/place.ts";
import { openPostgresArchive } from "../../store/archive/postgres/open.ts";
import { ARCHIVE_METHODS } from "../../store/archive/methods.ts";
import { openSqliteArchive } from "../../store/archive/sqlite/open.ts";
import type {
  ArchivedTranscript,
  ArchiveQuery,
  ArchiveSource,
  ArchiveStore,
  FoundEntry,
} from "../../store/archive/types.ts";
import { atOnce } from "../../store/thread.ts";
import type { CommandContext } from "../command.ts";
import { loadCliConfig } from "../load-config.ts";
import { UsageError } from "../usage.ts";

export interface LocalArchive {
  readonly store: ArchiveStore;
  readonly config: ResolvedConfig;
  /** Undefined when it is not on this machine. */
  readonly dir: string | undefined;
}

/** Opens the configured archive for one command. A file that does not exist is made only by an import. */
export async function withArchive<T>(
  context: CommandContext,
  use: (archive: LocalArchive) => Promise<T>,
  { makes = false }: { readonly makes?: boolean } = {},
): Promise<T> {
  const { config } = await loadCliConfig(context);
  const place = archivePlace(config, context.env);
  const store = await openExisting(place, config, makes);
  try {
    return await use({ store, config, dir: place.postgres === undefined ? place.dir : undefined });
  } finally {
    await store.close();
  }
}

async function openExisting(place: ArchivePlace, { archive }: ResolvedConfig, makes: boolean): Promise<ArchiveStore> {
  if (place.postgres !== undefined) return openPostgresArchive(place.postgres);
  if (!existsSync(place.databaseFile) && !(makes && archive.enabled)) {
    const cure = archive.enabled
      ? "Start the server once, or set archive.dir to its folder."
      : "Turn it on with archive.enabled: true.";
    throw new GigasttError("GST_ARCHIVE_NONE", `there is no archive in ${place.dir}. ${cure}`);
  }
  return atOnce(openSqliteArchive(place.databaseFile), ARCHIVE_METHODS);
}

/** Deletes transcripts of jobs that are deleted; nothing where there is no archive. */
export async function forgetArchived(
  config: ResolvedConfig,
  env: NodeJS.ProcessEnv,
  ids: readonly string[],
): Promise<void> {
  const place = archivePlace(config, env);
  if (ids.length === 0 || (place.postgres === undefined && !existsSync(place.databaseFile))) return;
  const store = await openExisting(place, config, false);
  try {
    for (const id of ids) await store.remove(id);
  } finally {
    await store.close();
  }
}

/** Returns the transcript with this id. */
export async function requireLocal(store: ArchiveStore, id: string): Promise<ArchivedTranscript> {
  const found = await store.get(id);
  if (found !== undefined) return found;
  throw new GigasttError("GST_ARCHIVE_ID", `no archived transcript has the id ${id}. See: gigastt archive search`);
}

/** Returns what the flags --owner, --source, --from and --to select. */
export function filtersOf(
  { flags }: CommandContext,
  command: string,
): Pick<ArchiveQuery, "owner" | "source" | "fromMs" | "toMs"> {
  const text = (name: string): string | undefined => {
    const value = flags[name];
    return typeof value === "string" ? value : undefined;
  };
  return {
    owner: text("owner"),
    source: text("source") as ArchiveSource | undefined, // one of its choices
    fromMs: momentOf("from", text("from"), command),
    toMs: momentOf("to", text("to"), command),
  };
}

/** Returns the time that a flag says. */
export function momentOf(flag: string, text: string | undefined, command: string): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseMoment(text, flag === "to" ? "to" : "from");
  if (ms === undefined) throw new UsageError([`--${flag} ${MOMENT_RULE}`], ["archive", command]);
  return ms;
}

const PAGE = 200;

/** Yields everything that a search finds, page by page. */
export async function* everyEntry(
  store: ArchiveStore,
  query: Omit<ArchiveQuery, "limit" | "hits" | "before">,
): AsyncGenerator<FoundEntry> {
  let before: number | undefined;
  for (;;) {
    const { found, hasMore } = await store.search({ ...query, before, limit: PAGE, hits: 0 });
    yield* found;
    if (!hasMore) return;
    before = found.at(-1)?.order;
  }
}
