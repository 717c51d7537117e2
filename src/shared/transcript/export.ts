import type { TranscriptFormat } from "../protocol.ts";
import { renderHtml, renderMarkdown, renderTsv, renderTxt } from "./documents.ts";
import { transcriptJson } from "./json.ts";
import type { JsonOptions } from "./json.ts";
import { renderSrt, renderVtt } from "./subtitle-files.ts";
import type { SubtitleOptions } from "./subtitle-files.ts";
import type { FormattableTranscript } from "./transcript.ts";

export interface ExportOptions extends JsonOptions, SubtitleOptions {}

/**
 * Returns the transcript as a text in the given format, ending with a newline (an empty `txt` is just empty).
 * Several transcripts are the channels of one recording: subtitles are merged by time and say the channel.
 */
export function exportTranscript(
  transcripts: readonly FormattableTranscript[],
  format: TranscriptFormat,
  options: ExportOptions = {},
): string {
  switch (format) {
    case "json":
      return `${JSON.stringify(transcriptJson(transcripts, options))}\n`;
    case "txt":
      return renderTxt(transcripts);
    case "srt":
      return renderSrt(transcripts, options);
    case "vtt":
      return renderVtt(transcripts, options);
    case "md":
      return renderMarkdown(transcripts, options.speakers);
    case "tsv":
      return renderTsv(transcripts, options.speakers);
    case "html":
      return renderHtml(transcripts, options.speakers);
  }
}
