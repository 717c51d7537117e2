import { ROUTES, TRANSCRIPT_MEDIA_TYPES } from "../../../shared/protocol.ts";
import { exportTranscript } from "../../../shared/transcript/export.ts";
import { parseTranscribeQuery } from "../query.ts";
import type { TranscribeQuery } from "../query.ts";
import { transcribeBody } from "../../http/transcribe-body.ts";
import type { Route } from "../../route.ts";

/** Audio bytes in, a transcript out. */
export const transcribe: Route = {
  ...ROUTES.transcribe,
  handle: async (exchange, context, request) => {
    const query = parseTranscribeQuery(request.query);
    const transcripts = await transcribeBody(exchange, context, {
      channels: query.channels,
      strict: query.strict,
      hotWords: query.hotWords,
      ...(query.track === undefined ? {} : { track: query.track }),
      ...(query.headerless === undefined ? {} : { headerless: query.headerless }),
    });
    return {
      status: 200,
      headers: {
        "content-type": TRANSCRIPT_MEDIA_TYPES[query.format],
        "cache-control": "no-store",
        ...disposition(query),
      },
      body: exportTranscript(transcripts, query.format, {
        segments: query.segments,
        karaoke: query.karaoke,
        rules: { ...context.settings.current.subtitles, ...query.subtitles },
      }),
    };
  },
};

/** RFC 6266: the plain form for old clients, the UTF-8 form for names like `запись.srt`. */
function disposition({ download }: TranscribeQuery): Record<string, string> {
  if (download === undefined) return {};
  const plain = download.replace(/[^\x20-\x7e]/g, "_").replace(/["\\%]/g, "_");
  const utf8 = encodeURIComponent(download).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return { "content-disposition": `attachment; filename="${plain}"; filename*=UTF-8''${utf8}` };
}
