import { WIRE_ERROR_STATUS } from "../../shared/protocol.ts";
import { PRIORITIES } from "../../store/jobs/types.ts";
import { WIRE_STATES } from "../jobs/view.ts";
import { BOOLEAN, INTEGER, NUMBER, TEXT, array, object, oneOf, ref } from "./operation.ts";
import type { Schema } from "./operation.ts";

const CODES = Object.keys(WIRE_ERROR_STATUS);
const WARNINGS = array(ref("Warning"));
const TIMES = { start: NUMBER, end: NUMBER };
const USAGE = object({ type: { const: "duration" }, seconds: NUMBER });

/** Schemas of bodies, by name. Times are in seconds. */
export const SCHEMAS: Readonly<Record<string, Schema>> = {
  Error: object({ error: TEXT, code: oneOf(CODES) }, { retry_after_ms: INTEGER }),
  OpenAiError: object({
    error: object({
      message: TEXT,
      type: oneOf(["invalid_request_error", "rate_limit_error", "server_error"]),
      param: { type: ["string", "null"] },
      code: oneOf(CODES),
    }),
  }),
  Warning: object({ code: TEXT, message: TEXT }),
  Word: object({ word: TEXT, ...TIMES }, { confidence: NUMBER, channel: INTEGER }),
  Segment: object({ text: TEXT, ...TIMES }, { channel: INTEGER }),
  Transcript: object(
    { text: TEXT, words: array(ref("Word")), duration: NUMBER },
    {
      confidence: NUMBER,
      segments: array(ref("Segment")),
      warnings: WARNINGS,
      channel: INTEGER,
      channels: array(ref("Transcript")),
    },
  ),
  Job: object(
    {
      job_id: TEXT,
      status: oneOf(Object.values(WIRE_STATES)),
      created_at: NUMBER,
      priority: oneOf(PRIORITIES),
      processed_seconds: NUMBER,
      percent: INTEGER,
      attempts: INTEGER,
      audio_stored: BOOLEAN,
      links: object({ self: TEXT, events: TEXT }, { result: TEXT }),
    },
    {
      started_at: NUMBER,
      finished_at: NUMBER,
      duration: NUMBER,
      error: TEXT,
      code: oneOf(CODES),
      retry_at: NUMBER,
      cancel_requested: { const: true },
      expires_at: NUMBER,
    },
  ),
  Model: object({ id: TEXT, object: { const: "model" }, created: INTEGER, owned_by: TEXT }),
  Transcription: object(
    { text: TEXT, languages: array(object({ code: TEXT })), usage: USAGE },
    { logprobs: array(object({ token: TEXT, logprob: NUMBER, bytes: array(INTEGER) })), warnings: WARNINGS },
  ),
  VerboseTranscription: object(
    { task: { const: "transcribe" }, language: TEXT, duration: NUMBER, text: TEXT, usage: USAGE },
    {
      words: array(object({ word: TEXT, ...TIMES })),
      segments: array(
        object({
          id: INTEGER,
          seek: INTEGER,
          ...TIMES,
          text: TEXT,
          tokens: array(INTEGER),
          temperature: NUMBER,
          avg_logprob: NUMBER,
          compression_ratio: NUMBER,
          no_speech_prob: NUMBER,
        }),
      ),
      warnings: WARNINGS,
    },
  ),
  DiarizedTranscription: object(
    {
      task: { const: "transcribe" },
      duration: NUMBER,
      text: TEXT,
      segments: array(
        object({ type: { const: "transcript.text.segment" }, id: TEXT, ...TIMES, text: TEXT, speaker: TEXT }),
      ),
      diarization: object({ status: oneOf(["by_channel", "unavailable"]) }, { reason: TEXT }),
      usage: USAGE,
    },
    { warnings: WARNINGS },
  ),
};
