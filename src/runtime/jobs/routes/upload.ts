import { ROUTES } from "../../../shared/protocol.ts";
import { json } from "../../http/replies/reply.ts";
import type { Route } from "../../route.ts";
import { requireJob, requireJobs } from "../access.ts";
import { answerTus } from "../resumable.ts";
import { jobView } from "../view.ts";

/** Continues, asks for or gives up an upload. */
export const upload: Route = {
  ...ROUTES.upload,
  handle: async (exchange, context, request) => {
    if (exchange.req.method !== "GET") return answerTus(exchange, context, request);
    const job = await requireJob(requireJobs(context).store, request.params["id"], exchange);
    return json(200, jobView(job, context.clock.nowMs()));
  },
};
