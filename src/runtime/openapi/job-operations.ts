import { PRIORITIES } from "../../store/jobs/types.ts";
import { FILE_PART } from "../jobs/create.ts";
import { LARGEST_PAGE } from "../jobs/routes/jobs.ts";
import { WIRE_STATES } from "../jobs/view.ts";
import {
  AUDIO,
  BINARY,
  BOOLEAN,
  EVENTS,
  TEXT,
  array,
  header,
  id,
  object,
  oneOf,
  query,
  ref,
  whole,
} from "./operation.ts";
import type { OperationsOf, Schema } from "./operation.ts";
import { AUDIO_PARAMETERS, FORMAT_PARAMETERS, transcriptContent } from "./transcribe-parameters.ts";

const JOB = { "application/json": ref("Job") };
const JOB_ID = id("The id of a job.");
const SECONDS = whole(0, 999_999_999);

/** What is asked of a job: the parameters of the native route, and its own. */
const WISHES = [
  ...FORMAT_PARAMETERS,
  ...AUDIO_PARAMETERS,
  query("priority", "What is run first.", oneOf(PRIORITIES)),
  query("callback_url", "Gets a request when the job is over; needs jobs.callbackSecret.", {
    type: "string",
    format: "uri",
  }),
  query("keep_audio_s", "Seconds that the audio is kept after success.", SECONDS),
  query("keep_result_s", "Seconds that the transcript is kept.", SECONDS),
];
/** The same as parts of a form: each is text. */
const WISHES_OF_FORMS = Object.fromEntries(WISHES.map(({ name, schema }): [string, Schema] => [name, schema]));

/** Must be there; without it the answer is 412, as the protocol wants it. */
const TUS = header("Tus-Resumable", "Version of the protocol, https://tus.io. Always needed.", { const: "1.0.0" });
const SIZE: Schema = { type: "integer", minimum: 0 };
const UPLOAD_ID = id("The id of an upload, which is that of its job.");
const UPLOAD_HEADERS = ["tus-resumable", "upload-offset", "upload-expires"];

/** What the document says of jobs and of uploads that become jobs. */
export const JOB_OPERATIONS: OperationsOf<"jobs"> = {
  jobs: {
    GET: {
      parameters: [
        query("status", `Some of ${Object.values(WIRE_STATES).join(", ")}, separated by commas.`, TEXT),
        query("limit", "Jobs of a page.", whole(1, LARGEST_PAGE)),
        query("after", "`next` of the page before.", TEXT),
      ],
      answer: {
        "application/json": object(
          { object: { const: "list" }, data: array(ref("Job")), has_more: BOOLEAN },
          { next: TEXT },
        ),
      },
    },
    POST: {
      parameters: [
        ...WISHES,
        header("Idempotency-Key", "The same key with the same request makes no second job.", {
          type: "string",
          pattern: "^[\\x21-\\x7e]{1,255}$",
        }),
      ],
      body: { ...AUDIO, "multipart/form-data": object({ [FILE_PART]: BINARY }, WISHES_OF_FORMS) },
      status: 202,
      answer: JOB,
      headers: ["location", "idempotency-replayed"],
      leadsTo: {
        id: "$response.body#/job_id",
        operations: ["job-get", "job-delete", "jobResult", "jobEvents", "jobRetry", "jobPurge"],
      },
    },
  },
  job: {
    GET: { parameters: [JOB_ID], answer: JOB },
    DELETE: { parameters: [JOB_ID], status: 204 },
  },
  jobResult: {
    GET: { parameters: [JOB_ID, ...FORMAT_PARAMETERS], answer: transcriptContent(ref("Transcript")) },
  },
  jobEvents: {
    GET: {
      parameters: [
        JOB_ID,
        query("last_event_id", "Goes on behind this event, as the header does.", whole(0, Number.MAX_SAFE_INTEGER)),
        header("Last-Event-ID", "Goes on behind this event.", whole(0, Number.MAX_SAFE_INTEGER)),
      ],
      answer: EVENTS,
      mayBeEmpty: true,
    },
  },
  jobRetry: { POST: { parameters: [JOB_ID], status: 202, answer: JOB } },
  jobPurge: { POST: { parameters: [JOB_ID], status: 204 } },
  uploads: {
    POST: {
      parameters: [
        ...WISHES,
        TUS,
        header("Upload-Length", "Bytes of the recording.", SIZE, true),
        header("Upload-Metadata", "The parameters as `name base64` pairs, separated by commas.", TEXT),
      ],
      status: 201,
      headers: ["location", ...UPLOAD_HEADERS],
    },
  },
  upload: {
    GET: { parameters: [UPLOAD_ID], answer: JOB },
    PATCH: {
      parameters: [UPLOAD_ID, TUS, header("Upload-Offset", "Bytes that have arrived.", SIZE, true)],
      body: { "application/offset+octet-stream": BINARY },
      status: 204,
      headers: UPLOAD_HEADERS,
    },
    DELETE: { parameters: [UPLOAD_ID, TUS], status: 204 },
  },
};
