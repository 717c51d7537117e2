import { ROUTES } from "../../../shared/protocol.ts";
import { transcriptJson } from "../../../shared/transcript/json.ts";
import { json } from "../../http/replies/reply.ts";
import { parseTranscribeQuery } from "../../http/transcribe/transcribe-query.ts";
import { transcriptReply } from "../../http/transcribe/transcript-reply.ts";
import type { Route } from "../../route.ts";
import { requireReader, requireTranscript } from "../access.ts";
import { entryView } from "../view.ts";

/** One transcript with what is known of it, or as a file of the format asked for; DELETE deletes it. */
export const archiveEntry: Route = {
  ...ROUTES.archiveEntry,
  handle: async (exchange, context, { params, query }) => {
    const reader = requireReader(exchange, context);
    const found = await requireTranscript(reader, params["id"]);
    if (exchange.req.method === "DELETE") {
      await reader.store.remove(found.id);
      return { status: 204 };
    }
    const wanted = parseTranscribeQuery(query);
    if (query.has("format")) return transcriptReply(found.transcripts, wanted, context.settings.current.subtitles);
    return json(200, {
      ...transcriptJson(found.transcripts, { segments: wanted.segments }),
      ...entryView(found, reader),
    });
  },
};
