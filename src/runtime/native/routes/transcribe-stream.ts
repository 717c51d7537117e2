import type { Transcript } from "../../../engine/contract.ts";
import type { RuntimeContext } from "../../context.ts";
import { ClientGone, toWireError } from "../../http/errors.ts";
import type { Exchange } from "../../http/exchanges.ts";
import { segmentMessage } from "../hypothesis.ts";
import { parseTranscribeQuery } from "../query.ts";
import { SSE_HEADERS, createEventStream } from "../../http/sse.ts";
import { transcribeBody } from "../../http/transcribe-body.ts";
import type { Route } from "../../route.ts";
import { ROUTES } from "../../../shared/protocol.ts";
import { setTimeout } from "../../../shared/timers.ts";

/** Audio bytes in, events out as utterances are recognised. */
export const transcribeStream: Route = {
  ...ROUTES.transcribeStream,
  handle: async (exchange, context, { query }) => {
    const { headerless, strict, track } = parseTranscribeQuery(query);
    const stream = createEventStream({
      bufferBytes: context.settings.current.limits.wsOutgoingBytes,
      stallMs: context.timing.slowReaderMs,
      pingMs: context.timing.ssePingMs,
    });
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const work = transcribeBody(exchange, context, {
      ...(headerless === undefined ? {} : { headerless }),
      strict,
      ...(track === undefined ? {} : { track }),
      onHypothesis: (hypothesis) => {
        begin();
        return stream.send(segmentMessage(hypothesis, context.clock.nowMs()));
      },
    });
    // Until the first event a failure is answered with its own status; a long silence must begin the stream, or proxies give up.
    const silence = setTimeout(begin, context.timing.ssePingMs);
    try {
      await Promise.race([begun, work]);
    } catch (error) {
      stream.end();
      throw error;
    } finally {
      clearTimeout(silence);
    }
    void finish(work, stream, exchange, context);
    return { status: 200, headers: SSE_HEADERS, body: stream.body };
  },
};

async function finish(
  work: Promise<readonly Transcript[]>,
  stream: ReturnType<typeof createEventStream>,
  exchange: Exchange,
  context: RuntimeContext,
): Promise<void> {
  try {
    const [transcript] = await work;
    const warnings = transcript?.warnings ?? [];
    if (warnings.length > 0) await stream.send({ type: "warnings", warnings });
  } catch (error) {
    if (!(error instanceof ClientGone) && !stream.cancelled) {
      const wire = toWireError(error);
      exchange.fields["code"] = wire.wireCode;
      if (wire.status >= 500 && wire.cause !== undefined) {
        context.log.error("stream_failed", { request_id: exchange.requestId, err: wire.cause });
      }
      context.metrics.error(wire.wireCode);
      void stream.send({ type: "error", message: wire.message, code: wire.wireCode }).catch(() => {});
    }
  }
  stream.end();
}
