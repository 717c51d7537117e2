import type { JobsConfig } from "../../config/types.ts";
import { WireError } from "../../shared/errors.ts";
import { PRIORITIES } from "../../store/jobs/types.ts";
import type { JobWishes, Priority } from "../../store/jobs/types.ts";
import type { Exchange } from "../http/connections/exchanges.ts";
import { TRANSCRIBE_PARAMETERS, parseTranscribeQuery } from "../http/transcribe/transcribe-query.ts";
import { parseCallbackUrl } from "./callback-target.ts";

const MAX_PARAMS = 4000;
const MAX_KEY_LENGTH = 255;

/** Returns what a client asks of a job. A mistake is answered now, not when the job runs. */
export function wishesOf(exchange: Exchange, query: URLSearchParams, config: JobsConfig): JobWishes {
  const callback = query.get("callback_url");
  if (callback !== null && config.callbackSecret === undefined) {
    throw new WireError("bad_request", "callbacks are off on this server; its operator sets jobs.callbackSecret", {
      param: "callback_url",
    });
  }
  // Others are ignored, and not kept: they may name a file.
  const known = TRANSCRIBE_PARAMETERS.filter((name) => query.has(name));
  const params = new URLSearchParams(known.map((name): [string, string] => [name, query.get(name) ?? ""]));
  parseTranscribeQuery(params);
  if (params.toString().length > MAX_PARAMS) {
    throw new WireError("bad_request", `the query may have at most ${MAX_PARAMS} characters`);
  }
  const keepAudioMs = secondsOf(query, "keep_audio_s", config.keepAudioMs, 0);
  return {
    priority: priorityOf(query),
    params: params.toString(),
    idempotencyKey: idempotencyKeyOf(exchange),
    callbackUrl: callback === null ? undefined : parseCallbackUrl(callback).href,
    retention: {
      audioMs: keepAudioMs,
      failedAudioMs: config.keepFailedAudioMs,
      resultMs: secondsOf(query, "keep_result_s", config.keepResultMs, 60),
    },
  };
}

function priorityOf(query: URLSearchParams): Priority {
  const text = query.get("priority") ?? "normal";
  const priority = PRIORITIES.find((known) => known === text);
  if (priority !== undefined) return priority;
  throw new WireError("bad_request", `priority must be one of ${PRIORITIES.join(", ")}`, { param: "priority" });
}

/** A job may be kept for less time than the operator allows, not for more. */
function secondsOf(query: URLSearchParams, name: string, allowedMs: number, leastS: number): number {
  const text = query.get(name);
  if (text === null) return allowedMs;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Number.NaN;
  if (ms >= leastS * 1000 && ms <= allowedMs) return ms;
  throw new WireError(
    "bad_request",
    `${name} must be a whole number from ${leastS} to ${Math.floor(allowedMs / 1000)}`,
    {
      param: name,
    },
  );
}

function idempotencyKeyOf({ req }: Exchange): string | undefined {
  const key = req.headers["idempotency-key"];
  if (key === undefined) return undefined;
  if (typeof key === "string" && key.length > 0 && key.length <= MAX_KEY_LENGTH && /^[\x21-\x7e]+$/.test(key))
    return key;
  throw new WireError("bad_request", `Idempotency-Key must have 1 to ${MAX_KEY_LENGTH} visible ASCII characters`);
}

/** Returns a query with the values of a form or of an upload's metadata over it. Empty ones are left out: forms send every field. */
export function withFields(
  query: URLSearchParams,
  fields: Iterable<readonly [string, string | undefined]>,
): URLSearchParams {
  const params = new URLSearchParams(query);
  for (const [name, value = ""] of fields) if (value !== "") params.set(name, value);
  return params;
}
