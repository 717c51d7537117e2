import { WireError } from "../../../shared/errors.ts";
import { ROUTES } from "../../../shared/protocol.ts";
import { json } from "../../http/replies/reply.ts";
import { listedModels } from "../../models-list.ts";
import type { Route } from "../../route.ts";

/** One entry of the list of models. */
export const model: Route = {
  ...ROUTES.model,
  handle: (_exchange, context, { params }) => {
    const list = listedModels(context);
    const entry = list.find(({ id }) => id === params["id"]);
    if (entry !== undefined) return json(200, entry);
    const known = list.map(({ id }) => id).join(", ");
    throw new WireError("model_not_found", `this model is not listed; the ids are ${known}`, { param: "model" });
  },
};
