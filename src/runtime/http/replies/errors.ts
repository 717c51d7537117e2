import { AudioError, wordAudioProblem } from "../../../shared/audio-problem.ts";
import { WireError } from "../../../shared/errors.ts";
import { unreachableStore } from "../../../store/unreachable.ts";
import { WIRE_ERROR_STATUS } from "../../../shared/protocol.ts";
import type { WireErrorCode } from "../../../shared/protocol.ts";

/**
 * What a client may see of anything thrown: a WireError as it is, an AudioError in the words for clients, a router's refusal by its status, everything else as
 * `transcription_error` 500 without its message (it may name paths or the model).
 */
export function toWireError(error: unknown): WireError {
  if (error instanceof WireError) return error;
  if (error instanceof AudioError) {
    return new WireError(error.code, wordAudioProblem(error.problem, "http"), { cause: error });
  }
  // Redis, the bucket or PostgreSQL: the log has its message, which may name hosts.
  const store = unreachableStore(error);
  if (store !== undefined) {
    return new WireError(
      `${store}_unavailable`,
      `the storage of the ${store} does not answer; nothing was lost, try again`,
      {
        retryAfterMs: STORE_RETRY_MS,
        cause: error,
      },
    );
  }
  const status = statusOf(error);
  if (status !== undefined && status >= 400 && status < 500) {
    return new WireError(codeOfStatus(status), "the request could not be understood", { status, cause: error });
  }
  return new WireError("transcription_error", "the server failed to process this request; its log has the reason", {
    status: 500,
    cause: error,
  });
}

const STORE_RETRY_MS = 2000;

/** A client that closed its connection before the answer: nothing is sent any more. */
export class ClientGone extends Error {
  constructor() {
    super("the client closed the connection");
    this.name = "ClientGone";
  }
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("status" in error)) return undefined;
  return typeof error.status === "number" ? error.status : undefined;
}

function codeOfStatus(status: number): WireErrorCode {
  if (status === 404 || status === 405 || status === 408 || status === 413 || status === 415) {
    const match = Object.entries(WIRE_ERROR_STATUS).find(
      ([code, value]) => value === status && code !== "metrics_disabled" && !code.endsWith("_timeout"),
    );
    if (match) return match[0] as WireErrorCode; // a key of the table it was read from
  }
  return "bad_request";
}
