import type { Face } from "../../shared/protocol.ts";
import { RECORDING_PART } from "../compat/recording.ts";
import { ASR_FLAGS, ASR_OUTPUTS } from "../compat/request.ts";
import { RESPONSE_FORMATS } from "../openai/request.ts";
import { ARCHIVE_OPERATIONS } from "./archive-operations.ts";
import { JOB_OPERATIONS } from "./job-operations.ts";
import {
  AUDIO,
  anyCase,
  BINARY,
  BOOLEAN,
  EVENTS,
  INTEGER,
  NUMBER,
  TEXT,
  array,
  id,
  object,
  oneOf,
  query,
  ref,
} from "./operation.ts";
import type { OperationsOf } from "./operation.ts";
import { AUDIO_PARAMETERS, FLAG, FORMAT_PARAMETERS, transcriptContent } from "./transcribe-parameters.ts";

const PROBE = object({ status: TEXT });
const READY = object({ status: TEXT, pool_available: INTEGER, pool_total: INTEGER }, { reason: TEXT, supervisor: {} });
const ASR_FLAG = anyCase(Object.keys(ASR_FLAGS));
const ENCODE = query("encode", "false: PCM without a header, 16 kHz, 16 bit, mono.", ASR_FLAG);
const RECORDING = { "multipart/form-data": object({ [RECORDING_PART]: BINARY }) };

/** The faces of the document: what the console asks is its own affair. */
export type DescribedFace = Exclude<Face, "console">;

/** What the document says of each method of each route; a route that is not here yet answers with what all routes do. */
export const OPERATIONS: Partial<OperationsOf<DescribedFace>> = {
  ...JOB_OPERATIONS,
  ...ARCHIVE_OPERATIONS,
  health: { GET: { answer: { "application/json": PROBE } } },
  ready: { GET: { answer: { "application/json": READY }, unavailable: { "application/json": READY } } },
  models: {
    GET: {
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
  },
  model: {
    GET: {
      parameters: [id("An id of the list.")],
      answer: { "application/json": ref("Model") },
    },
  },
  transcribe: {
    POST: {
      parameters: [...FORMAT_PARAMETERS, ...AUDIO_PARAMETERS],
      body: AUDIO,
      answer: transcriptContent(ref("Transcript")),
    },
  },
  transcribeStream: {
    POST: {
      parameters: [
        query("progress", "Adds events that say how far it is.", FLAG),
        query("peaks", "Adds an event with the loudness of the recording over time, for a picture.", FLAG),
        ...AUDIO_PARAMETERS,
      ],
      body: AUDIO,
      answer: EVENTS,
    },
  },
  speechToText: {
    POST: {
      parameters: [
        query("language", "A language of the model: ru, ru-RU, rus, russian.", TEXT),
        query("transcript_names", "Names to expect, separated by commas.", TEXT),
        query("transcript_terms", "Words to expect, separated by commas.", TEXT),
      ],
      body: AUDIO,
      answer: { "application/json": object({ text: TEXT, language: TEXT }) },
    },
  },
  transcriptions: {
    POST: {
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
  },
  asr: {
    POST: {
      parameters: [
        query("output", "Form of the transcript.", anyCase(ASR_OUTPUTS)),
        ENCODE,
        query("task", "Only transcription.", oneOf(["transcribe", ""])),
        query("language", "A language of the model: ru, ru-RU, rus, russian.", TEXT),
        query("word_timestamps", "Adds the words to the segments of json.", ASR_FLAG),
        query("channels", "One transcript, or each channel as a speaker.", anyCase(["mix", "split"])),
        query("hotwords", "Phrases to expect, separated by commas.", TEXT),
      ],
      body: RECORDING,
      answer: { "text/plain": TEXT },
    },
  },
  detectLanguage: {
    POST: {
      parameters: [ENCODE],
      body: RECORDING,
      answer: {
        "application/json": object({ detected_language: TEXT, language_code: TEXT, confidence: NUMBER }),
      },
    },
  },
  translations: { POST: { body: { "multipart/form-data": object({ file: BINARY }) }, isRefused: true } },
  metrics: { GET: { answer: { "text/plain": TEXT } } },
  openapi: { GET: { answer: { "application/json": object({ openapi: TEXT, info: {}, paths: {} }) } } },
  asyncapi: { GET: { answer: { "application/json": object({ asyncapi: TEXT, info: {}, channels: {} }) } } },
};
