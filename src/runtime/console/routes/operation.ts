import { CONSOLE_OPERATIONS, ROUTES } from "../../../shared/protocol.ts";
import { WireError } from "../../../shared/errors.ts";
import { requireOperator } from "../../access/operator.ts";
import { requireOwnPage } from "../../access/policies.ts";
import { json } from "../../http/replies/reply.ts";
import type { Route } from "../../route.ts";
import { requireConsole } from "../enabled.ts";
import { requireSupervisor } from "../supervised.ts";

/** Begins a reload, restart or rollback, which the supervisor runs. Whether it succeeded is in the status. */
export const operation: Route = {
  ...ROUTES.consoleOperation,
  handle: async (exchange, context, { params }) => {
    const { req, fields } = exchange;
    requireConsole(context);
    requireOwnPage(req, context);
    requireOperator(req, context);
    const wanted = CONSOLE_OPERATIONS.find((name) => name === params["operation"]);
    if (wanted === undefined) throw new WireError("not_found", `the operations are ${CONSOLE_OPERATIONS.join(", ")}`);
    fields["operation"] = wanted;
    await requireSupervisor(context)({ cmd: "begin", operation: wanted });
    return json(202, { state: "running" });
  },
};
