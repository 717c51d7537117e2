import type { Transcript } from "../../../engine/contract.ts";
import { WireError } from "../../../shared/errors.ts";
import { ROUTES } from "../../../shared/protocol.ts";
import { parseTranscribeQuery } from "../../http/transcribe/transcribe-query.ts";
import { transcriptReply } from "../../http/transcribe/transcript-reply.ts";
import type { Route } from "../../route.ts";
import { jobNotFound, requireJob, requireJobs } from "../access.ts";
import { WIRE_STATES } from "../view.ts";

/** The transcript, in the format of the job or of this request. */
export const jobResult: Route = {
  ...ROUTES.jobResult,
  handle: async (exchange, context, { params, query }) => {
    const { store } = requireJobs(context);
    const job = await requireJob(store, params["id"], exchange);
    if (job.state !== "done") {
      const reason = job.fault === undefined ? "" : `: ${job.fault.message}`;
      throw new WireError("job_not_finished", `the job is ${WIRE_STATES[job.state]}${reason}`);
    }
    const result = await store.result(job.id);
    if (result === undefined) throw jobNotFound();
    const wanted = new URLSearchParams(job.params);
    for (const [name, value] of query) wanted.set(name, value);
    const transcripts = JSON.parse(result) as readonly Transcript[]; // written when the job was done
    return transcriptReply(transcripts, parseTranscribeQuery(wanted), context.settings.current.subtitles);
  },
};
