import { ROUTES } from "../../../shared/protocol.ts";
import { transcribeBody } from "../../http/transcribe/transcribe-body.ts";
import { engineOptions, parseTranscribeQuery } from "../../http/transcribe/transcribe-query.ts";
import { transcriptReply } from "../../http/transcribe/transcript-reply.ts";
import type { Route } from "../../route.ts";

/** Audio bytes in, a transcript out. */
export const transcribe: Route = {
  ...ROUTES.transcribe,
  handle: async (exchange, context, request) => {
    const query = parseTranscribeQuery(request.query);
    return transcriptReply(
      await transcribeBody(exchange, context, engineOptions(query)),
      query,
      context.settings.current.subtitles,
    );
  },
};
