import { WireError } from "../../../shared/errors.ts";
import { ROUTES } from "../../../shared/protocol.ts";
import type { JobState } from "../../../store/jobs/types.ts";
import { json } from "../../http/replies/reply.ts";
import type { Reply } from "../../http/replies/reply.ts";
import type { Route } from "../../route.ts";
import type { RuntimeContext } from "../../context.ts";
import type { Exchange } from "../../http/connections/exchanges.ts";
import { ownerOf } from "../../access/owner.ts";
import { requireJobs } from "../access.ts";
import { createJob } from "../create.ts";
import { WIRE_STATES, jobView } from "../view.ts";

/** The list of the client's jobs, and new ones. */
export const jobs: Route = {
  ...ROUTES.jobs,
  handle: async (exchange, context, { query }) => {
    if (exchange.req.method !== "POST") return list(exchange, context, query);
    const { job, isRepeated } = await createJob(exchange, context, query);
    const reply = json(202, jobView(job, context.clock.nowMs()));
    return {
      ...reply,
      headers: {
        ...reply.headers,
        location: `/v1/jobs/${job.id}`,
        ...(isRepeated ? { "idempotency-replayed": "true" } : {}),
      },
    };
  },
};

// ---

const DEFAULT_PAGE = 50;
export const LARGEST_PAGE = 200;

async function list(exchange: Exchange, context: RuntimeContext, query: URLSearchParams): Promise<Reply> {
  const { store } = requireJobs(context);
  const limit = pageSize(query.get("limit"));
  const found = await store.list({
    owner: ownerOf(exchange),
    states: statesOf(query.get("status")),
    limit: limit + 1,
    before: cursorOf(query.get("after")),
  });
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return json(200, {
    object: "list",
    data: page.map((job) => jobView(job, context.clock.nowMs())),
    has_more: found.length > limit,
    ...(found.length > limit && last !== undefined
      ? { next: Buffer.from(`${last.createdMs} ${last.id}`).toString("base64url") }
      : {}),
  });
}

function pageSize(text: string | null): number {
  if (text === null) return DEFAULT_PAGE;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= LARGEST_PAGE) return limit;
  throw new WireError("bad_request", `limit must be a whole number from 1 to ${LARGEST_PAGE}`, { param: "limit" });
}

function statesOf(text: string | null): readonly JobState[] | undefined {
  if (text === null) return undefined;
  const known = Object.entries(WIRE_STATES) as [JobState, string][]; // the keys of that record
  const states = text.split(",").map((word) => known.find(([, wire]) => wire === word)?.[0]);
  if (states.every((state) => state !== undefined)) return states;
  throw new WireError("bad_request", `status must be some of ${Object.values(WIRE_STATES).join(", ")}`, {
    param: "status",
  });
}

function cursorOf(text: string | null): { createdMs: number; id: string } | undefined {
  if (text === null) return undefined;
  const match = /^(\d{1,16}) ([0-9a-f-]{36})$/.exec(Buffer.from(text, "base64url").toString());
  if (match?.[1] !== undefined && match[2] !== undefined) return { createdMs: Number(match[1]), id: match[2] };
  throw new WireError("bad_request", "after must be the next of an earlier page", { param: "after" });
}
