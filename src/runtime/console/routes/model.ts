import { loadRegistry } from "../../../models/registry.ts";
import { modelOffer } from "../../../models/wanted.ts";
import type { ConsoleModel } from "../../../shared/console-status.ts";
import { WireError } from "../../../shared/errors.ts";
import { ROUTES } from "../../../shared/protocol.ts";
import { isOperator, requireOperator } from "../../access/operator.ts";
import { requireOwnPage } from "../../access/policies.ts";
import type { RuntimeContext } from "../../context.ts";
import { json } from "../../http/replies/reply.ts";
import type { Route } from "../../route.ts";
import { requireConsole } from "../enabled.ts";

/** The demo model's successor: what it is, and its download, which the supervisor runs. */
export const consoleModel: Route = {
  ...ROUTES.consoleModel,
  handle: async ({ req }, context) => {
    requireConsole(context);
    if (req.method === "POST") {
      requireOwnPage(req, context);
      requireOperator(req, context);
      if (!canPull(context)) {
        throw new WireError("bad_request", "the server cannot download a model by itself; run gigastt models pull");
      }
      await context.askSupervisor?.({ cmd: "pull" });
      return json(202, { state: "running" });
    }
    const isDemo = context.engine.model?.notice !== undefined;
    const { model } = context.settings.current;
    const answer: ConsoleModel = {
      offer: isDemo ? modelOffer(model, await loadRegistry()) : null,
      can_pull: canPull(context) && isOperator(req, context),
      pull: context.phase.supervisor?.pull ?? null,
    };
    return json(200, answer);
  },
};

// ---

function canPull({ engine, askSupervisor, settings }: RuntimeContext): boolean {
  return askSupervisor !== undefined && engine.model?.notice !== undefined && !settings.current.model.offline;
}
