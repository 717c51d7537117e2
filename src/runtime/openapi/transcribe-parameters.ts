import { TRANSCRIPT_FORMATS, TRANSCRIPT_MEDIA_TYPES } from "../../shared/protocol.ts";
import { CODECS } from "../http/transcribe/transcribe-query.ts";
import { TEXT, oneOf, query, whole } from "./operation.ts";
import type { Parameter, Schema } from "./operation.ts";

export const FLAG: Schema = oneOf(["true", "false", "1", "0"]);

/** Of every route that takes a recording with the parameters of the native one. */
export const AUDIO_PARAMETERS: readonly Parameter[] = [
  query("channels", "One transcript, or one for each channel.", oneOf(["mix", "split"])),
  query("codec", "The body has no header; needs sample_rate.", oneOf(CODECS)),
  query("sample_rate", "Of a body without header, Hz.", whole(4000, 192_000)),
  query("track", "Number or language of one of several audio tracks.", {
    type: "string",
    pattern: "^(?:\\d{1,3}|[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)$",
  }),
  query("hotwords", "Phrases to expect, separated by commas.", TEXT),
  query("strict", "Refuse cut or damaged audio.", FLAG),
  query("archive", "false keeps the transcript out of the archive.", FLAG),
  query("title", "Name of the transcript in the archive.", { type: "string", maxLength: 200 }),
];

/** Of every route that answers a transcript as a file. */
export const FORMAT_PARAMETERS: readonly Parameter[] = [
  query("format", "Form of the transcript.", oneOf(TRANSCRIPT_FORMATS)),
  query("download", "Name of the file that a browser saves.", { type: "string", minLength: 1, maxLength: 200 }),
  query("segments", "Adds segments to JSON.", FLAG),
  query("max_chars_per_line", "Of subtitles.", whole(1, 1000)),
  query("max_words_per_line", "Of subtitles.", whole(1, 1000)),
  query("max_lines", "Of subtitles.", whole(1, 10)),
  query("karaoke", "WebVTT with the time of each word.", FLAG),
];

/** Content by media type of a transcript in every format. */
export function transcriptContent(json: Schema): Readonly<Record<string, Schema>> {
  return Object.fromEntries(
    TRANSCRIPT_FORMATS.map((format) => [
      TRANSCRIPT_MEDIA_TYPES[format].replace(/;.*/, ""),
      format === "json" ? json : TEXT,
    ]),
  );
}
