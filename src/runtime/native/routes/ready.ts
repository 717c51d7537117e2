import { isLocalCaller } from "../../access/local-caller.ts";
import { notReadyReason } from "../../lifecycle/readiness.ts";
import { json } from "../../http/replies/reply.ts";
import type { Route } from "../../route.ts";
import { ROUTES } from "../../../shared/protocol.ts";

/** 200 while new work would be accepted. */
export const ready: Route = {
  ...ROUTES.ready,
  handle: ({ req }, context) => {
    const reason = notReadyReason(context);
    const { supervisor } = context.phase;
    const details = {
      pool_available: context.admission.available,
      pool_total: context.admission.total,
      ...(supervisor !== undefined && isLocalCaller(req) ? { supervisor } : {}),
    };
    return reason === undefined
      ? json(200, { status: "ready", ...details })
      : json(503, { status: "not_ready", reason, ...details });
  },
};
