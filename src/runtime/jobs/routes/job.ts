import { WireError } from "../../../shared/errors.ts";
import { ROUTES } from "../../../shared/protocol.ts";
import { json } from "../../http/replies/reply.ts";
import type { Route } from "../../route.ts";
import { jobNotFound, requireJob, requireJobs } from "../access.ts";
import { WIRE_STATES, jobView } from "../view.ts";

/** State and progress of one job; DELETE cancels it. */
export const job: Route = {
  ...ROUTES.job,
  handle: async (exchange, context, { params }) => {
    const { jobs, store } = requireJobs(context);
    const found = await requireJob(store, params["id"], exchange);
    if (exchange.req.method !== "DELETE") return json(200, jobView(found, context.clock.nowMs()));
    const cancelled = await store.cancel(found.id);
    if (cancelled === undefined) throw jobNotFound();
    if (!cancelled.wasOpen) {
      throw new WireError(
        "job_not_cancellable",
        `the job is ${WIRE_STATES[found.state]}; to delete it: POST /v1/jobs/${found.id}/purge`,
      );
    }
    jobs.cancelled(found.id);
    return { status: 204 };
  },
};
