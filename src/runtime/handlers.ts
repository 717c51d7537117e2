// Written by scripts/handlers.js from the folders routes. Do not edit: every build writes it.
import type { HttpRouteName } from "../shared/protocol.ts";
import { archive } from "./archive/routes/archive.ts";
import { archiveEntry } from "./archive/routes/entry.ts";
import { asr } from "./compat/routes/asr.ts";
import { detectLanguage } from "./compat/routes/detect-language.ts";
import { file } from "./console/routes/file.ts";
import { consoleModel } from "./console/routes/model.ts";
import { operation } from "./console/routes/operation.ts";
import { page } from "./console/routes/page.ts";
import { session } from "./console/routes/session.ts";
import { status } from "./console/routes/status.ts";
import { supervisor } from "./console/routes/supervisor.ts";
import { jobEvents } from "./jobs/routes/events.ts";
import { job } from "./jobs/routes/job.ts";
import { jobs } from "./jobs/routes/jobs.ts";
import { jobPurge } from "./jobs/routes/purge.ts";
import { jobResult } from "./jobs/routes/result.ts";
import { jobRetry } from "./jobs/routes/retry.ts";
import { upload } from "./jobs/routes/upload.ts";
import { uploads } from "./jobs/routes/uploads.ts";
import { asyncapi } from "./native/routes/asyncapi.ts";
import { health } from "./native/routes/health.ts";
import { metricsRoute } from "./native/routes/metrics.ts";
import { models } from "./native/routes/models.ts";
import { openapi } from "./native/routes/openapi.ts";
import { ready } from "./native/routes/ready.ts";
import { speechToText } from "./native/routes/speech-to-text.ts";
import { transcribeStream } from "./native/routes/transcribe-stream.ts";
import { transcribe } from "./native/routes/transcribe.ts";
import { model } from "./openai/routes/model.ts";
import { transcriptions } from "./openai/routes/transcriptions.ts";
import { translations } from "./openai/routes/translations.ts";
import type { Route } from "./route.ts";

/** What answers each route of the table. */
export const handlers: Readonly<Record<HttpRouteName, Route>> = {
  archive,
  archiveEntry,
  asr,
  detectLanguage,
  consoleFile: file,
  consoleModel,
  consoleOperation: operation,
  console: page,
  consoleSession: session,
  consoleStatus: status,
  consoleSupervisor: supervisor,
  jobEvents,
  job,
  jobs,
  jobPurge,
  jobResult,
  jobRetry,
  upload,
  uploads,
  asyncapi,
  health,
  metrics: metricsRoute,
  models,
  openapi,
  ready,
  speechToText,
  transcribeStream,
  transcribe,
  model,
  transcriptions,
  translations,
};
