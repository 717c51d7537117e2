import { notReadyReason } from "../readiness.ts";
import { json } from "../reply.ts";
import type { Route } from "./route.ts";

/** 200 while new work would be accepted. */
export const ready: Route = {
  method: "GET",
  path: "/ready",
  checksOrigin: false,
  isLimited: false,
  handle: (_exchange, context) => {
    const reason = notReadyReason(context);
    const pool = { pool_available: context.admission.available, pool_total: context.admission.total };
    return reason === undefined
      ? json(200, { status: "ready", ...pool })
      : json(503, { status: "not_ready", reason, ...pool });
  },
};
