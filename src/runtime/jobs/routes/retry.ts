import { WireError } from "../../../shared/errors.ts";
import { ROUTES } from "../../../shared/protocol.ts";
import { json } from "../../http/replies/reply.ts";
import type { Route } from "../../route.ts";
import { requireJob, requireJobs } from "../access.ts";
import { WIRE_STATES, jobView } from "../view.ts";

/** A failed job is queued again, from its last window. */
export const jobRetry: Route = {
  ...ROUTES.jobRetry,
  handle: async (exchange, context, { params }) => {
    const { jobs, store } = requireJobs(context);
    const job = await requireJob(store, params["id"], exchange);
    const queued = await store.retry(job.id);
    if (queued === undefined) {
      const reason = job.state === "failed" ? "its audio is deleted" : `it is ${WIRE_STATES[job.state]}`;
      throw new WireError("job_not_retryable", `only a failed job whose audio is stored can be retried; ${reason}`);
    }
    jobs.changed(job.id);
    return json(202, jobView(queued, context.clock.nowMs()));
  },
};
