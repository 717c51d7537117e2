import { GigasttError } from "../../shared/errors.ts";
import { TRANSCRIPT_FORMATS } from "../../shared/protocol.ts";
import { exportTranscript } from "../../shared/transcript/export.ts";
import type { FormattableTranscript } from "../../shared/transcript/transcript.ts";
import type { CommandContext } from "../command.ts";
import { choiceOf } from "../usage.ts";
import { requireLocalJob, withJobs } from "./open.ts";

/** `gigastt jobs export` */
export function exportJob(context: CommandContext): Promise<number> {
  return withJobs(context, async ({ store, config }) => {
    const job = await requireLocalJob(store, context.positionals[0] ?? "");
    const format = choiceOf("--format", String(context.flags["format"] ?? "txt"), TRANSCRIPT_FORMATS, [
      "jobs",
      "export",
    ]);
    const result = await store.result(job.id);
    if (result === undefined) {
      throw new GigasttError("GST_JOBS_STATE", `job ${job.id} has no transcript: it is ${job.state}`);
    }
    const transcripts = JSON.parse(result) as readonly FormattableTranscript[]; // written when the job was done
    context.stdout.write(exportTranscript(transcripts, format, { rules: config.subtitles }));
    return 0;
  });
}
