import { TRANSCRIPT_FORMATS } from "../../shared/protocol.ts";
import { ARCHIVE_SOURCES } from "../../store/archive/types.ts";
import { STATE_FLAGS } from "../state.ts";
import type { Command, FlagSpec } from "../command.ts";

const json: FlagSpec = { type: "boolean", describe: "answer JSON" };
const FILTERS = {
  owner: { type: "string", value: "OWNER", describe: "only of this owner, as search shows it" },
  source: { type: "string", value: "SOURCE", choices: ARCHIVE_SOURCES, describe: "only from this source" },
  from: { type: "string", value: "TIME", describe: "only from this day or time on" },
  to: { type: "string", value: "TIME", describe: "only up to this day, or before this time" },
} as const satisfies Readonly<Record<string, FlagSpec>>;

export const command: Command = {
  summary: "Search, show, export, import and delete archived transcripts",
  topic: "run",
  rank: 12,
  help: "Reads the archive of this machine (archive.dir), or the PostgreSQL of archive.postgres, with the server running or not.",
  subcommands: {
    search: {
      summary: "Search the archive, newest first",
      positionals: "[WORDS…]",
      flags: {
        json,
        ...STATE_FLAGS,
        ...FILTERS,
        limit: { type: "string", short: "n", value: "N", describe: "number of transcripts (default 50)" },
        after: { type: "string", value: "N", describe: "continue behind a page, by the number it ends with" },
      },
      help: 'Each word is found in any form, "a phrase" in quotes with its words in this order, begin* as the beginning of a word. Without words it lists all. Exit code 1 when nothing was found.',
      aboutService: true,
      run: async (context) => (await import("../archive/search.ts")).search(context),
    },
    show: {
      summary: "Show one transcript and what is known of it",
      positionals: "ID",
      flags: { json, ...STATE_FLAGS },
      aboutService: true,
      run: async (context) => (await import("../archive/show.ts")).show(context),
    },
    export: {
      summary: "Print one transcript, or save all",
      positionals: "[ID]",
      flags: {
        ...STATE_FLAGS,
        format: { type: "string", value: "FORMAT", choices: TRANSCRIPT_FORMATS, describe: "format (default txt)" },
        all: { type: "string", value: "FILE", describe: "write all as JSON lines, for import; - prints them" },
        ...FILTERS,
      },
      help: "`--all` keeps words, times, owner and date; the file has the mode 0600.",
      aboutService: true,
      run: async (context) => (await import("../archive/export.ts")).exportArchive(context),
    },
    import: {
      summary: "Add transcripts from files",
      positionals: "FILE…",
      flags: {
        json,
        ...STATE_FLAGS,
        owner: { type: "string", value: "OWNER", describe: 'who may see them, for example "key laptop"' },
        title: { type: "string", value: "TITLE", describe: "name that the archive shows (default: that of the file)" },
        date: { type: "string", value: "TIME", describe: "when they were recorded (default: time of the file)" },
      },
      help: "Takes JSON lines of `archive export --all`, and JSON answers of /v1/transcribe. Transcripts that are there already are left as they are.",
      aboutService: true,
      run: async (context) => (await import("../archive/import.ts")).importArchive(context),
    },
    purge: {
      summary: "Delete transcripts",
      positionals: "[ID…]",
      flags: {
        json,
        ...STATE_FLAGS,
        ...FILTERS,
        all: { type: "boolean", describe: "everything that the other flags leave" },
        yes: { type: "boolean", short: "y", describe: "do not ask" },
      },
      help: "Deletes by id, or everything that --owner, --source, --from and --to select. Jobs keep their own transcripts: gigastt jobs purge.",
      aboutService: true,
      run: async (context) => (await import("../archive/purge.ts")).purge(context),
    },
  },
};
