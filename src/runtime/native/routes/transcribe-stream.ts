import { ROUTES } from "../../../shared/protocol.ts";
import { transcribeBody } from "../../http/transcribe/transcribe-body.ts";
import { replyWithEvents } from "../../http/transcribe/transcript-events.ts";
import type { Route } from "../../route.ts";
import { segmentMessage } from "../hypothesis.ts";
import { engineOptions, parseTranscribeQuery } from "../../http/transcribe/transcribe-query.ts";

/** Audio bytes in, events out as utterances are recognised. */
export const transcribeStream: Route = {
  ...ROUTES.transcribeStream,
  handle: (exchange, context, { query }) => {
    const request = parseTranscribeQuery(query);
    return replyWithEvents({
      exchange,
      context,
      run: async (send) => {
        const [transcript] = await transcribeBody(exchange, context, {
          ...engineOptions(request),
          wantsPeaks: request.peaks,
          onHypothesis: (hypothesis) => send(segmentMessage(hypothesis, context.clock.nowMs())),
          ...(request.progress
            ? {
                onProgress: (doneS, totalS) => {
                  // A client that reads nothing is dealt with at the next hypothesis.
                  void send({ type: "progress", done_s: doneS, total_s: totalS }).catch(() => {});
                },
              }
            : {}),
        });
        if (transcript?.peaks !== undefined) await send({ type: "peaks", peaks: transcript.peaks });
        const warnings = transcript?.warnings ?? [];
        if (warnings.length > 0) await send({ type: "warnings", warnings });
      },
      errorEvent: ({ message, wireCode }) => ({ type: "error", message, code: wireCode }),
    });
  },
};
