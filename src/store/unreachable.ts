import { GigasttError, errorCodeOf } from "../shared/errors.ts";

const CODE = "GST_STORE_UNREACHABLE";

/** Returns the error of a store on another machine that does not answer. Nothing was lost: the same call may succeed later. */
export function storeUnreachable(message: string, cause: unknown): GigasttError {
  return new GigasttError(CODE, message, { cause });
}

export function isStoreUnreachable(error: unknown): boolean {
  return errorCodeOf(error) === CODE;
}
