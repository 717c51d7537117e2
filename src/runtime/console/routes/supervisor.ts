import { HISTORY_RANGES, ROUTES } from "../../../shared/protocol.ts";
import type { HistoryRange } from "../../../shared/protocol.ts";
import type { Question } from "../../../shared/process/messages.ts";
import { WireError } from "../../../shared/errors.ts";
import { requireOperator } from "../../access/operator.ts";
import { json } from "../../http/replies/reply.ts";
import type { Route } from "../../route.ts";
import { requireConsole } from "../enabled.ts";
import { requireSupervisor } from "../supervised.ts";

/** What only the supervisor knows: figures over time, logs, configuration, the last audit. */
export const supervisor: Route = {
  ...ROUTES.consoleSupervisor,
  handle: async ({ req }, context, { query, params }) => {
    requireConsole(context);
    requireOperator(req, context);
    const question = questionOf(params["part"] ?? "", query);
    if (question === undefined) throw new WireError("not_found", "the parts are history, logs, config and audit");
    return json(200, await requireSupervisor(context)(question));
  },
};

// ---

function questionOf(part: string, query: URLSearchParams): Question | undefined {
  switch (part) {
    case "history":
      return { cmd: "series", range: rangeOf(query.get("range") ?? "1h") };
    case "logs":
      return { cmd: "log_lines", ...logFilter(query) };
    case "config":
      return { cmd: "settings" };
    case "audit":
      return { cmd: "audit" };
    default:
      return undefined;
  }
}

function rangeOf(text: string): HistoryRange {
  if (Object.hasOwn(HISTORY_RANGES, text)) return text as HistoryRange; // one of its keys
  throw new WireError("bad_request", `range must be one of ${Object.keys(HISTORY_RANGES).join(", ")}`);
}

function logFilter(query: URLSearchParams): Record<string, string> {
  const since = query.get("since") ?? "";
  if (since !== "" && Number.isNaN(Date.parse(since)))
    throw new WireError("bad_request", "since must be a time, as 2026-11-21T10:00:00Z");
  return Object.fromEntries(
    ["process", "level", "text", "since"].flatMap((name) => {
      const value = query.get(name) ?? "";
      return value === "" ? [] : [[name, value.slice(0, 200)]];
    }),
  );
}
