import { WireError } from "../../../shared/errors.ts";
import { ROUTES } from "../../../shared/protocol.ts";
import type { RuntimeContext } from "../../context.ts";
import { SSE_HEADERS, createEventStream } from "../../http/replies/sse.ts";
import type { EventStream } from "../../http/replies/sse.ts";
import type { Exchange } from "../../http/connections/exchanges.ts";
import type { Route } from "../../route.ts";
import { requireJob, requireJobs } from "../access.ts";
import { FINAL_EVENTS, eventView } from "../view.ts";

/** The events of a job from the first, or from behind the last one that the client has. Ends with the job. */
export const jobEvents: Route = {
  ...ROUTES.jobEvents,
  handle: async (exchange, context, { params, query }) => {
    const { store } = requireJobs(context);
    const job = await requireJob(store, params["id"], exchange);
    const after = lastEventId(exchange, query);
    const isOver = job.finishedMs !== undefined;
    // 204 tells a browser not to connect again.
    if (isOver && after > 0 && (await store.events([job.id], after)).length === 0) return { status: 204 };
    const stream = createEventStream({
      bufferBytes: context.settings.current.limits.wsOutgoingBytes,
      stallMs: context.timing.slowReaderMs,
      pingMs: context.timing.ssePingMs,
    });
    void follow(stream, job.id, after, exchange, context);
    return { status: 200, headers: SSE_HEADERS, body: stream.body };
  },
};

async function follow(
  stream: EventStream,
  id: string,
  after: number,
  exchange: Exchange,
  context: RuntimeContext,
): Promise<void> {
  const { jobs, store } = requireJobs(context);
  try {
    let seq = after;
    for (;;) {
      const change = jobs.nextChange(id, exchange.signal);
      const job = await store.get(id);
      const events = await store.events([id], seq);
      for (const event of events) {
        seq = event.seq;
        await stream.send(eventView(event), String(event.seq));
        // A retried job has more to tell behind an earlier end.
        if (FINAL_EVENTS.has(event.type) && event === events.at(-1)) return stream.end();
      }
      if (stream.cancelled || exchange.signal.aborted || context.phase.draining) return stream.end();
      // Also where the client asked behind the last event: nothing more will come.
      if (events.length === 0 && (job === undefined || job.finishedMs !== undefined)) return stream.end();
      await change;
    }
  } catch (error) {
    if (!stream.cancelled) context.log.debug("job_events_ended", { request_id: exchange.requestId, err: error });
    stream.end();
  }
}

function lastEventId({ req }: Exchange, query: URLSearchParams): number {
  const header = req.headers["last-event-id"];
  const given = [header, query.get("last_event_id")].filter((text) => typeof text === "string" && text !== "");
  if (given.some((text) => !/^\d{1,15}$/.test(String(text))))
    throw new WireError("bad_request", "Last-Event-ID must be the id of an event of this stream");
  // A browser sends the header when it connects again; the query is what it was opened with.
  return Number(given[0] ?? 0);
}
