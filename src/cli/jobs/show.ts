import type { CommandContext } from "../command.ts";
import { table, writeJson } from "../output.ts";
import { jobJson } from "./list.ts";
import { requireLocalJob, withJobs } from "./open.ts";

/** `gigastt jobs show` */
export function show(context: CommandContext): Promise<number> {
  return withJobs(context, async ({ store }) => {
    const job = await requireLocalJob(store, context.positionals[0] ?? "");
    const events = await store.events([job.id], 0);
    if (context.flags["json"] === true) {
      writeJson(context.stdout, { job: jobJson(job), events });
      return 0;
    }
    const rows: string[][] = [
      ["id", job.id],
      ["state", job.cancelRequested ? `${job.state}, to be cancelled` : job.state],
      ["owner", job.owner],
      ["priority", job.priority],
      ["attempts", String(job.attempts)],
      ["recognised", `${Math.round(job.doneS)} s${job.totalS === undefined ? "" : ` of ${Math.round(job.totalS)} s`}`],
      ["audio", job.hasAudio ? `${job.audioBytes} bytes stored` : "deleted"],
      ...(job.fault === undefined ? [] : [["error", `${job.fault.code}: ${job.fault.message}`]]),
      ...(job.expiresMs === 0 ? [] : [["deleted at", new Date(job.expiresMs).toISOString()]]),
    ];
    const history = events.map(({ atMs, type, doneS }) => [
      new Date(atMs).toISOString(),
      type,
      `${Math.round(doneS)} s`,
    ]);
    context.stdout.write(`${table(rows)}\n\n${table(history)}\n`);
    return 0;
  });
}
