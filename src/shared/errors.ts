import { WIRE_ERROR_STATUS } from "./protocol.ts";
import type { WireErrorCode } from "./protocol.ts";

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

/** An error whose message may reach a client: it never names a path, a stack or a model detail. */
export class WireError extends GigasttError {
  readonly wireCode: WireErrorCode;
  readonly status: number;
  /** When trying again is worth it, in milliseconds from now; absent when there is no realistic hint. */
  readonly retryAfterMs: number | undefined;
  /** The field of the request that is wrong, where there is one. */
  readonly param: string | undefined;

  constructor(
    code: WireErrorCode,
    message: string,
    options: { cause?: unknown; status?: number; retryAfterMs?: number; param?: string } = {},
  ) {
    super(code, message, options);
    this.name = "WireError";
    this.wireCode = code;
    this.status = options.status ?? WIRE_ERROR_STATUS[code];
    this.retryAfterMs = options.retryAfterMs;
    this.param = options.param;
  }
}

/** Returns the message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Returns the `code` of a file-system or socket error (`ENOENT`), if it has one. */
export function errorCodeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
