import type { FormattableTranscript } from "../../../shared/transcript/transcript.ts";
import { TRANSCRIPT_MEDIA_TYPES } from "../../../shared/protocol.ts";
import { exportTranscript } from "../../../shared/transcript/export.ts";
import type { SubtitleRules } from "../../../shared/transcript/subtitle-rules.ts";
import type { Reply } from "../replies/reply.ts";
import type { TranscribeQuery } from "./transcribe-query.ts";

/**
 * Returns the transcript in the format that the request asked for.
 *
 * @param configured layout of subtitles; the request's own values win
 */
export function transcriptReply(
  transcripts: readonly FormattableTranscript[],
  query: TranscribeQuery,
  configured: SubtitleRules,
): Reply {
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
      rules: { ...configured, ...query.subtitles },
    }),
  };
}

// ---

/** RFC 6266: the plain form for old clients, the UTF-8 form for names like `запись.srt`. */
function disposition({ download }: TranscribeQuery): Record<string, string> {
  if (download === undefined) return {};
  const plain = download.replace(/[^\x20-\x7e]/g, "_").replace(/["\\%]/g, "_");
  const utf8 = encodeURIComponent(download).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return { "content-disposition": `attachment; filename="${plain}"; filename*=UTF-8''${utf8}` };
}
