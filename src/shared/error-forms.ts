import type { WireError } from "./errors.ts";
import type { Face, WireErrorCode } from "./protocol.ts";

/** An error as an answer: what a face's clients expect. */
export interface ErrorForm {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Returns an error in the form of a face, with the headers that belong to it whatever the route. */
export function errorForm(error: WireError, face: Face): ErrorForm {
  const { headers, body } = FORMS[face](error);
  return { headers: { "cache-control": "no-store", ...headers, ...retryHeaders(error), ...challenge(error) }, body };
}

/** The error object of the native routes and of messages in native sessions. */
export interface ErrorBody {
  readonly error: string;
  readonly code: WireErrorCode;
  /** Only when a realistic hint exists. */
  readonly retry_after_ms?: number;
}

export function errorBody(error: WireError): ErrorBody {
  return {
    error: error.message,
    code: error.wireCode,
    ...(error.retryAfterMs === undefined ? {} : { retry_after_ms: Math.ceil(error.retryAfterMs) }),
  };
}

/** The error object of OpenAI: clients read all four keys. */
export interface OpenAiError {
  readonly message: string;
  readonly type: "invalid_request_error" | "rate_limit_error" | "server_error";
  readonly param: string | null;
  readonly code: WireErrorCode;
}

export function openAiError(error: WireError): OpenAiError {
  const type =
    error.status >= 500 ? "server_error" : error.status === 429 ? "rate_limit_error" : "invalid_request_error";
  return { message: error.message, type, param: error.param ?? null, code: error.wireCode };
}

// ---

const JSON_TYPE = { "content-type": "application/json" };

const native = (error: WireError): ErrorForm => ({ headers: JSON_TYPE, body: JSON.stringify(errorBody(error)) });

/** Its SDKs repeat 408, 409, 429 and every 5xx unless this header forbids it, and read the wait in milliseconds. */
const openai = (error: WireError): ErrorForm => ({
  headers: {
    ...JSON_TYPE,
    ...(WORTH_REPEATING.has(error.wireCode) ? {} : { "x-should-retry": "false" }),
    ...(error.retryAfterMs === undefined ? {} : { "retry-after-ms": String(Math.ceil(error.retryAfterMs)) }),
  },
  body: JSON.stringify({ error: openAiError(error) }),
});

/** Bazarr stores whatever it receives as the subtitle file. */
const compat = (error: WireError): ErrorForm => ({ headers: { "x-error-code": error.wireCode }, body: "" });

const FORMS: Readonly<Record<Face, (error: WireError) => ErrorForm>> = {
  native,
  openai,
  realtime: openai,
  compat,
  jobs: native,
  archive: native,
  console: native,
};

/**
 * Errors of the moment. The others would come again for the same request; `upload_timeout` too, because an SDK that sent a stream (openai 4
 * sends every file as one) has nothing left to send the second time and would wait for the next timeout.
 */
const WORTH_REPEATING: ReadonlySet<WireErrorCode> = new Set([
  "rate_limit_exceeded",
  "too_many_connections",
  "timeout",
  "queue_full",
  "initializing",
  "shutting_down",
  "pool_closed",
]);

/** RFC 9110 11.6.1: a 401 names the scheme. Only Bearer, because Basic makes browsers ask for a name and a password. */
function challenge({ wireCode }: WireError): Record<string, string> {
  return wireCode === "invalid_api_key" ? { "www-authenticate": 'Bearer realm="gigastt"' } : {};
}

/** The hint in whole seconds, rounded up; the end of the connection while draining. */
function retryHeaders({ retryAfterMs, wireCode }: WireError): Record<string, string> {
  return {
    ...(retryAfterMs === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(retryAfterMs / 1000))) }),
    ...(wireCode === "shutting_down" || wireCode === "pool_closed" ? { connection: "close" } : {}),
  };
}
