import { TRANSCRIPT_FORMATS, TRANSCRIPT_MEDIA_TYPES } from "../../shared/protocol.ts";
import type { HttpRouteName } from "../../shared/protocol.ts";
import { ARCHIVE_SOURCES } from "../../store/archive/types.ts";
import { LARGEST_PAGE, MOST_HITS } from "../archive/request.ts";
import { RECORDING_PART } from "../compat/recording.ts";
import { ASR_OUTPUTS } from "../compat/request.ts";
import { CODECS } from "../http/transcribe/transcribe-query.ts";
import { RESPONSE_FORMATS } from "../openai/request.ts";
import { BINARY, BOOLEAN, INTEGER, NUMBER, TEXT, array, object, oneOf, query, ref } from "./operation.ts";
import type { Operation, Parameter, Schema } from "./operation.ts";

const FLAG = oneOf(["true", "false", "1", "0"]);
const whole = (minimum: number, maximum: number): Schema => ({ type: "integer", minimum, maximum });

/** Of both native routes that take a recording. */
const AUDIO_PARAMETERS: readonly Parameter[] = [
  query("codec", "The body has no header; needs sample_rate.", oneOf(CODECS)),
  query("sample_rate", "Of a body without header, Hz.", whole(4000, 192_000)),
  query("track", "Number or language of one of several audio tracks.", {
    type: "string",
    pattern: "^(?:\\d{1,3}|[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)$",
  }),
  query("strict", "Refuse cut or damaged audio.", FLAG),
];

const CHANNELS = query("channels", "One transcript, or one for each channel.", oneOf(["mix", "split"]));

const PROBE = object({ status: TEXT });
const READY = object({ status: TEXT, pool_available: INTEGER, pool_total: INTEGER }, { reason: TEXT, supervisor: {} });
const AUDIO = { "application/octet-stream": BINARY };
const EVENTS = { "text/event-stream": { description: "Lines of `data:` with JSON" } };

const ENCODE = query("encode", "false: PCM without a header, 16 kHz, 16 bit, mono.", oneOf(["true", "false"]));
const RECORDING = { "multipart/form-data": object({ [RECORDING_PART]: BINARY }) };

/** What the document says of each route. A route that is not here is described by its row of the table alone. */
export const OPERATIONS: Partial<Readonly<Record<HttpRouteName, Operation>>> = {
  health: { answer: { "application/json": PROBE } },
  ready: { answer: { "application/json": READY }, unavailable: { "application/json": READY } },
  models: {
    answer: {
      "application/json": object({
        id: TEXT,
        name: TEXT,
        version: TEXT,
        encoder: oneOf(["int8", "fp32"]),
        vocab_size: INTEGER,
        sample_rate: INTEGER,
        pool_size: INTEGER,
        pool_available: INTEGER,
        supported_formats: array(TEXT),
        supported_rates: array(INTEGER),
        diarization: BOOLEAN,
        object: { const: "list" },
        data: array(ref("Model")),
      }),
    },
  },
  model: {
    parameters: [{ name: "id", in: "path", required: true, description: "An id of the list.", schema: TEXT }],
    answer: { "application/json": ref("Model") },
  },
  transcribe: {
    parameters: [
      query("format", "Form of the transcript.", oneOf(TRANSCRIPT_FORMATS)),
      query("download", "Name of the file that a browser saves.", { type: "string", minLength: 1, maxLength: 200 }),
      query("segments", "Adds segments to JSON.", FLAG),
      CHANNELS,
      query("max_chars_per_line", "Of subtitles.", whole(1, 1000)),
      query("max_words_per_line", "Of subtitles.", whole(1, 1000)),
      query("max_lines", "Of subtitles.", whole(1, 10)),
      query("karaoke", "WebVTT with the time of each word.", FLAG),
      ...AUDIO_PARAMETERS,
    ],
    body: AUDIO,
    answer: Object.fromEntries(
      TRANSCRIPT_FORMATS.map((format) => [
        mediaType(TRANSCRIPT_MEDIA_TYPES[format]),
        format === "json" ? ref("Transcript") : TEXT,
      ]),
    ),
  },
  transcribeStream: { parameters: [CHANNELS, ...AUDIO_PARAMETERS], body: AUDIO, answer: EVENTS },
  speechToText: {
    parameters: [
      query("language", "A language of the model: ru, ru-RU, rus, russian.", TEXT),
      query("transcript_names", "Names to expect, separated by commas.", TEXT),
      query("transcript_terms", "Words to expect, separated by commas.", TEXT),
    ],
    body: AUDIO,
    answer: { "application/json": object({ text: TEXT, language: TEXT }) },
  },
  transcriptions: {
    body: {
      "multipart/form-data": object(
        { file: BINARY },
        {
          model: TEXT,
          response_format: oneOf(RESPONSE_FORMATS),
          stream: BOOLEAN,
          language: TEXT,
          "languages[]": array(TEXT),
          "timestamp_granularities[]": array(oneOf(["word", "segment"])),
          "include[]": array(TEXT),
          "known_speaker_names[]": array(TEXT),
          channels: oneOf(["mix", "split"]),
          "keywords[]": array(TEXT),
          prompt: TEXT,
          temperature: NUMBER,
        },
      ),
    },
    answer: {
      "application/json": { anyOf: ["Transcription", "VerboseTranscription", "DiarizedTranscription"].map(ref) },
      "text/plain": TEXT,
      ...EVENTS,
    },
  },
  asr: {
    parameters: [
      query("output", "Form of the transcript.", oneOf(ASR_OUTPUTS)),
      ENCODE,
      query("task", "Only transcription.", oneOf(["transcribe"])),
      query("language", "A language of the model: ru, ru-RU, rus, russian.", TEXT),
      query("word_timestamps", "Adds the words to the segments of json.", oneOf(["true", "false"])),
      query("channels", "One transcript, or each channel as a speaker.", oneOf(["mix", "split"])),
      query("hotwords", "Phrases to expect, separated by commas.", TEXT),
    ],
    body: RECORDING,
    answer: { "text/plain": TEXT },
  },
  detectLanguage: {
    parameters: [ENCODE],
    body: RECORDING,
    answer: {
      "application/json": object({ detected_language: TEXT, language_code: TEXT, confidence: NUMBER }),
    },
  },
  translations: { body: { "multipart/form-data": object({ file: BINARY }) }, answer: {} },
  archive: {
    parameters: [
      query("q", 'Words in any form, "a phrase", begin*; all of it must occur.', { type: "string", maxLength: 500 }),
      query("from", "From this day (UTC), time or Unix second on.", TEXT),
      query("to", "Up to this day, or before this time.", TEXT),
      query("source", "Where it came from.", oneOf(ARCHIVE_SOURCES)),
      query("owner", "Only of this owner; for keys with the scope admin.", TEXT),
      query("limit", "Transcripts of a page.", whole(1, LARGEST_PAGE)),
      query("hits", "Places to list of each transcript.", whole(0, MOST_HITS)),
      query("after", "`next` of the page before.", TEXT),
    ],
    answer: {
      "application/json": object(
        { object: { const: "list" }, data: array({ type: "object" }), has_more: BOOLEAN },
        { next: TEXT },
      ),
    },
  },
  archiveEntry: {
    parameters: [
      { name: "id", in: "path", required: true, description: "An id of the list.", schema: TEXT },
      query("format", "A file of this form, instead of JSON with all that is known.", oneOf(TRANSCRIPT_FORMATS)),
    ],
    answer: Object.fromEntries(
      TRANSCRIPT_FORMATS.map((format) => [
        mediaType(TRANSCRIPT_MEDIA_TYPES[format]),
        format === "json" ? { type: "object" } : TEXT,
      ]),
    ),
  },
  metrics: { answer: { "text/plain": TEXT } },
  openapi: { answer: { "application/json": object({ openapi: TEXT, info: {}, paths: {} }) } },
  asyncapi: { answer: { "application/json": object({ asyncapi: TEXT, info: {}, channels: {} }) } },
};

function mediaType(text: string): string {
  return text.replace(/;.*/, "");
}
