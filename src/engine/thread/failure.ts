import { AudioError, type AudioProblem } from "../../shared/audio-problem.ts";
import { type GigasttError, messageOf, WireError } from "../../shared/errors.ts";
import type { WireErrorCode } from "../../shared/protocol.ts";

/** An error on its way to another thread. */
export type Failure =
  | { readonly problem: AudioProblem }
  | {
      readonly code: WireErrorCode;
      readonly message: string;
      readonly retryAfterMs: number | undefined;
      /** For the log only, never for a client. */
      readonly detail?: string;
    };

/** Makes an error fit for another thread: audio and wire errors keep what they say, anything else gets `fallback` and no inner detail. */
export function errorToFailure(error: unknown, fallback: "transcription_error" | "inference_error"): Failure {
  if (error instanceof AudioError) return { problem: error.problem };
  if (error instanceof WireError) {
    return { code: error.wireCode, message: error.message, retryAfterMs: error.retryAfterMs };
  }
  return {
    code: fallback,
    message: "the audio could not be recognised",
    retryAfterMs: undefined,
    detail: messageOf(error),
  };
}

export function failureToError(failure: Failure): GigasttError {
  if ("problem" in failure) return new AudioError(failure.problem);
  return new WireError(failure.code, failure.message, {
    ...(failure.retryAfterMs !== undefined && { retryAfterMs: failure.retryAfterMs }),
    ...(failure.detail !== undefined && { cause: new Error(failure.detail) }),
  });
}
