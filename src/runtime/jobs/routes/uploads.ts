import { ROUTES } from "../../../shared/protocol.ts";
import type { Route } from "../../route.ts";
import { answerTus } from "../resumable.ts";

/** Begins an upload that can be resumed. */
export const uploads: Route = {
  ...ROUTES.uploads,
  handle: (exchange, context, request) => answerTus(exchange, context, request),
};
