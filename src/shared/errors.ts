/** An error thrown on purpose: a stable code and a message that says the rule, the value found and the cure. */
export class GigasttError extends Error {
  readonly code: string;
  /** Exit code the CLI ends with: 1 failed, 2 usage or configuration. */
  readonly exitCode: 1 | 2;

  constructor(code: string, message: string, options: { cause?: unknown; exitCode?: 1 | 2 } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "GigasttError";
    this.code = code;
    this.exitCode = options.exitCode ?? 1;
  }
}

/**
 * Every machine code a client of the HTTP or WebSocket wire can meet, with its HTTP status.
 */
const statusByCode = {
  empty_body: 400,
  bad_request: 400,
  origin_denied: 403,
  metrics_disabled: 404,
  not_found: 404,
  method_not_allowed: 405,
  upload_timeout: 408,
  payload_too_large: 413,
  unsupported_media: 415,
  invalid_audio: 422,
  audio_too_long: 422,
  transcription_error: 500,
  rate_limit_exceeded: 429,
  timeout: 503,
  queue_full: 503,
  initializing: 503,
  shutting_down: 503,
  pool_closed: 503,
  inference_error: 500,
  inference_timeout: 503,
  policy_violation: 400,
  idle_timeout: 408,
  max_session_duration_exceeded: 408,
  configure_too_late: 400,
  invalid_sample_rate: 400,
  invalid_endpoint_mode: 400,
  invalid_commit_policy: 400,
  unsupported_protocol_version: 400,
} as const;

export type WireErrorCode = keyof typeof statusByCode;

export const WIRE_ERROR_STATUS: Readonly<Record<WireErrorCode, number>> = statusByCode;

/** An error whose message may reach a client: it never names a path, a stack or a model detail. */
export class WireError extends GigasttError {
  readonly wireCode: WireErrorCode;
  readonly status: number;
  /** When trying again is worth it, in milliseconds from now; absent when no honest hint exists. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: WireErrorCode,
    message: string,
    options: { cause?: unknown; status?: number; retryAfterMs?: number } = {},
  ) {
    super(code, message, options);
    this.name = "WireError";
    this.wireCode = code;
    this.status = options.status ?? WIRE_ERROR_STATUS[code];
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
