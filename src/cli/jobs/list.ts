import type { Job, JobState } from "../../store/jobs/types.ts";
import type { CommandContext } from "../command.ts";
import { table, writeJson } from "../output.ts";
import { UsageError } from "../usage.ts";
import { withJobs } from "./open.ts";

const DEFAULT_LIMIT = "50";

/** `gigastt jobs list` */
export function list(context: CommandContext): Promise<number> {
  const { flags, stdout } = context;
  const limit = Number(flags["limit"] ?? DEFAULT_LIMIT);
  if (!Number.isInteger(limit) || limit < 1) {
    throw new UsageError(["--limit must be a whole number from 1"], ["jobs", "list"]);
  }
  return withJobs(context, async ({ store }) => {
    const jobs = await store.list({
      limit,
      owner: typeof flags["owner"] === "string" ? flags["owner"] : undefined,
      states: typeof flags["state"] === "string" ? [flags["state"] as JobState] : undefined, // one of its choices
    });
    if (flags["json"] === true) writeJson(stdout, { jobs: jobs.map(jobJson), stats: await store.stats() });
    else if (jobs.length === 0) stdout.write("No jobs.\n");
    else stdout.write(`${table([HEAD, ...jobs.map(rowOf)])}\n`);
    return 0;
  });
}

/** Returns a job as `--json` prints it. */
export function jobJson(job: Job): Record<string, unknown> {
  return {
    ...job,
    startedMs: job.startedMs ?? null,
    finishedMs: job.finishedMs ?? null,
    totalS: job.totalS ?? null,
    fault: job.fault ?? null,
    callbackUrl: job.callbackUrl === undefined ? null : "[REDACTED]",
  };
}

// ---

const HEAD = ["ID", "STATE", "PRIORITY", "CREATED", "AUDIO", "DONE", "OWNER", "ERROR"];

function rowOf(job: Job): string[] {
  const percent = job.totalS === undefined || job.totalS === 0 ? "" : `${Math.floor((100 * job.doneS) / job.totalS)} %`;
  return [
    job.id,
    job.cancelRequested ? "cancelling" : job.state,
    job.priority,
    new Date(job.createdMs).toISOString().slice(0, 19).replace("T", " "),
    job.totalS === undefined ? "" : `${Math.round(job.totalS)} s`,
    job.state === "done" ? "100 %" : percent,
    job.owner,
    job.fault?.code ?? "",
  ];
}
