import { TRANSCRIPT_FORMATS } from "../../shared/protocol.ts";
import { STATE_FLAGS } from "../state.ts";
import type { Command, FlagSpec } from "../command.ts";

const json: FlagSpec = { type: "boolean", describe: "answer JSON" };

export const command: Command = {
  summary: "Show, export, cancel, retry and delete jobs",
  topic: "run",
  rank: 11,
  help: "Reads the store of this machine (jobs.dir), with the server running or not. Transcripts are shown only by export.",
  subcommands: {
    list: {
      summary: "List jobs, newest first",
      flags: {
        json,
        ...STATE_FLAGS,
        state: {
          type: "string",
          value: "STATE",
          choices: ["uploading", "queued", "active", "done", "failed", "cancelled"],
          describe: "only jobs in this state",
        },
        owner: { type: "string", value: "OWNER", describe: "only jobs of this owner" },
        limit: { type: "string", short: "n", value: "N", describe: "number of jobs (default 50)" },
      },
      aboutService: true,
      run: async (context) => (await import("../jobs/list.ts")).list(context),
    },
    show: {
      summary: "Show one job and its events",
      positionals: "ID",
      flags: { json, ...STATE_FLAGS },
      aboutService: true,
      run: async (context) => (await import("../jobs/show.ts")).show(context),
    },
    export: {
      summary: "Print the transcript of a finished job",
      positionals: "ID",
      flags: {
        ...STATE_FLAGS,
        format: { type: "string", value: "FORMAT", choices: TRANSCRIPT_FORMATS, describe: "format (default txt)" },
      },
      aboutService: true,
      run: async (context) => (await import("../jobs/export.ts")).exportJob(context),
    },
    cancel: {
      summary: "Cancel jobs; a running one stops at its next window",
      positionals: "ID…",
      flags: { json, ...STATE_FLAGS },
      aboutService: true,
      run: async (context) => (await import("../jobs/change.ts")).change(context, "cancel"),
    },
    retry: {
      summary: "Queue failed jobs again, from their last window",
      positionals: "ID…",
      flags: { json, ...STATE_FLAGS },
      aboutService: true,
      run: async (context) => (await import("../jobs/change.ts")).change(context, "retry"),
    },
    purge: {
      summary: "Delete jobs with audio and transcript",
      positionals: "[ID…]",
      flags: {
        json,
        ...STATE_FLAGS,
        owner: { type: "string", value: "OWNER", describe: "all jobs of this owner" },
        state: {
          type: "string",
          value: "STATE",
          choices: ["done", "failed", "cancelled"],
          describe: "with --owner: only jobs in this state",
        },
      },
      help: "The server deletes the files within seconds; while it is stopped, this command does.",
      aboutService: true,
      run: async (context) => (await import("../jobs/change.ts")).change(context, "purge"),
    },
  },
};
