import { ROUTES } from "../../../shared/protocol.ts";
import type { Route } from "../../route.ts";
import { requireJob, requireJobs } from "../access.ts";

/** Audio, transcript and record go, whatever the job does; from the archive too. */
export const jobPurge: Route = {
  ...ROUTES.jobPurge,
  handle: async (exchange, context, { params }) => {
    const { jobs, store } = requireJobs(context);
    const job = await requireJob(store, params["id"], exchange);
    await store.purge(job.id);
    jobs.cancelled(job.id);
    await context.archive?.forget(job.id);
    return { status: 204 };
  },
};
