import type { WireError } from "../../../shared/errors.ts";
import { setTimeout } from "../../../shared/time/timers.ts";
import type { RuntimeContext } from "../../context.ts";
import { ClientGone, toWireError } from "../replies/errors.ts";
import type { Exchange } from "../connections/exchanges.ts";
import type { Reply } from "../replies/reply.ts";
import { SSE_HEADERS, createEventStream } from "../replies/sse.ts";

export interface EventStreamOptions {
  readonly exchange: Exchange;
  readonly context: RuntimeContext;
  /** The work; it sends its events, the last ones too. */
  readonly run: (send: (event: unknown) => Promise<void>) => Promise<void>;
  /** An error after the first event, as an event. */
  readonly errorEvent: (error: WireError) => unknown;
}

/** Answers with the events of a piece of work. Until the first one a failure is answered with its own status. */
export async function replyWithEvents({ exchange, context, run, errorEvent }: EventStreamOptions): Promise<Reply> {
  const stream = createEventStream({
    bufferBytes: context.settings.current.limits.wsOutgoingBytes,
    stallMs: context.timing.slowReaderMs,
    pingMs: context.timing.ssePingMs,
  });
  let begin = (): void => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const work = run((event) => {
    begin();
    return stream.send(event);
  });
  // A long silence must begin the stream, or proxies give up.
  const silence = setTimeout(begin, context.timing.ssePingMs);
  try {
    await Promise.race([begun, work]);
  } catch (error) {
    stream.end();
    throw error;
  } finally {
    clearTimeout(silence);
  }
  void work
    .catch((error: unknown) => {
      if (error instanceof ClientGone || stream.cancelled) return;
      const wire = toWireError(error);
      exchange.fields["code"] = wire.wireCode;
      if (wire.status >= 500 && wire.cause !== undefined) {
        context.log.error("stream_failed", { request_id: exchange.requestId, err: wire.cause });
      }
      context.metrics.error(wire.wireCode);
      void stream.send(errorEvent(wire)).catch(() => {});
    })
    .finally(() => stream.end());
  return { status: 200, headers: SSE_HEADERS, body: stream.body };
}
