import { GigasttError, errorCodeOf } from "../shared/errors.ts";

/** By what is kept there. */
const CODES = { jobs: "GST_STORE_UNREACHABLE", archive: "GST_ARCHIVE_UNREACHABLE" } as const;
type Kept = keyof typeof CODES;

/** Returns the error of a store on another machine that does not answer. Nothing was lost: the same call may succeed later. */
export function storeUnreachable(message: string, cause: unknown, kept: Kept = "jobs"): GigasttError {
  return new GigasttError(CODES[kept], message, { cause });
}

export function isStoreUnreachable(error: unknown): boolean {
  return unreachableStore(error) !== undefined;
}

/** Returns which store does not answer; undefined for other errors. */
export function unreachableStore(error: unknown): Kept | undefined {
  const code = errorCodeOf(error);
  return code === CODES.jobs ? "jobs" : code === CODES.archive ? "archive" : undefined;
}
