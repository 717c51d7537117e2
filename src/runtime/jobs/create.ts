import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { JobsConfig } from "../../config/types.ts";
import { WireError, errorCodeOf } from "../../shared/errors.ts";
import { PRIORITIES } from "../../store/jobs/types.ts";
import { createPartWriter } from "../../store/blobs/files.ts";
import type { Job, JobDraft, JobWishes, Priority, QuotaRefusal, Quotas } from "../../store/jobs/types.ts";
import type { RuntimeContext } from "../context.ts";
import type { Exchange } from "../http/connections/exchanges.ts";
import { parseTranscribeQuery } from "../http/transcribe/transcribe-query.ts";
import { rawBody, receiveBody, refuseByHeaders, uploadLimits } from "../http/uploads/upload.ts";
import { readForm } from "../http/uploads/upload-form.ts";
import { ownerOf, requireJobs } from "./access.ts";
import { parseCallbackUrl } from "./callback-target.ts";

export interface CreatedJob {
  readonly job: Job;
  /** The Idempotency-Key was used before: nothing was made. */
  readonly isRepeated: boolean;
}

const MAX_PARAMS = 4000;
const MAX_KEY_LENGTH = 255;
/** Parameters of the job itself; the others are those of the synchronous route. */
const OWN_PARAMS: ReadonlySet<string> = new Set(["priority", "callback_url", "keep_audio_s", "keep_result_s"]);
const QUOTA_RETRY_MS = 60_000;

/** Stores the audio of a request, its body or the part `file` of a form, and queues it. */
export async function createJob(
  exchange: Exchange,
  context: RuntimeContext,
  query: URLSearchParams,
): Promise<CreatedJob> {
  const { jobs, store, blobs } = requireJobs(context);
  if (context.phase.draining) throw new WireError("shutting_down", "the server is shutting down");
  const { jobs: config } = context.settings.current;
  const draft: JobDraft = {
    id: randomUUID(),
    owner: ownerOf(exchange),
    ...wishesOf(exchange, query, config),
  };
  const limits = uploadLimits(context, config.uploadBytes);
  const { req, signal } = exchange;
  refuseByHeaders(req, limits);
  const form = isForm(req) ? readForm(req, FILE_PART) : undefined;
  await requireSpace(blobs, exchange, config);
  const quotas = quotasOf(config);
  const begun = await store.begin(draft, quotas);
  if (begun.kind === "refused") throw quotaError(begun, context.clock.nowMs());

  const writer = createPartWriter(blobs, draft.id);
  try {
    exchange.inviteBody();
    await receiveBody({
      req,
      source: form ?? rawBody(req),
      limits,
      clock: context.clock,
      signal,
      sink: () => writer.write,
    });
    // What a form asks for is known when it is complete.
    const asked = form === undefined ? undefined : wishesOf(exchange, withFields(query, form.fields), config);
    const audio = await writer.end();
    exchange.fields["bytes"] = audio.bytes;
    exchange.fields["job"] = draft.id;
    const submitted = await store.submit(draft.id, audio, quotas, asked);
    switch (submitted.kind) {
      case "queued":
        jobs.changed(draft.id);
        return { job: submitted.job, isRepeated: false };
      case "repeated":
        return { job: submitted.job, isRepeated: true };
      case "conflict":
        throw new WireError(
          "idempotency_conflict",
          "this Idempotency-Key was used for another recording or other options; use a new key for a new job",
        );
      case "gone":
        throw new WireError("job_not_found", "the upload took too long and was given up; send it again");
      case "refused":
        throw quotaError(submitted, context.clock.nowMs());
    }
  } catch (error) {
    await store.abandon(draft.id);
    jobs.cancelled(draft.id);
    throw errorCodeOf(error) === "ENOSPC" ? diskFull(error) : error;
  }
}

// ---

/** The recording in a form; its other parts are parameters. */
const FILE_PART = "file";

function isForm({ headers }: IncomingMessage): boolean {
  return /^multipart\/form-data\b/i.test(headers["content-type"] ?? "");
}

function withFields(query: URLSearchParams, fields: ReadonlyMap<string, readonly string[]>): URLSearchParams {
  const params = new URLSearchParams(query);
  for (const [name, values] of fields) {
    const value = values.at(-1) ?? "";
    if (value !== "") params.set(name, value);
  }
  return params;
}

function wishesOf(exchange: Exchange, query: URLSearchParams, config: JobsConfig): JobWishes {
  const callback = query.get("callback_url");
  if (callback !== null && config.callbackSecret === undefined) {
    throw new WireError("bad_request", "callbacks are off on this server; its operator sets jobs.callbackSecret", {
      param: "callback_url",
    });
  }
  const params = new URLSearchParams([...query].filter(([name]) => !OWN_PARAMS.has(name)));
  parseTranscribeQuery(params); // a mistake is answered now, not when the job runs
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

function quotasOf({ perOwner, maxUnfinished }: JobsConfig): Quotas {
  return {
    unfinishedJobs: perOwner.unfinished,
    activeJobs: perOwner.active,
    audioSecondsPerDay: perOwner.audioPerDayMs / 1000,
    storedBytes: perOwner.storedBytes,
    allUnfinishedJobs: maxUnfinished,
  };
}

const LIMIT_TEXTS: Readonly<Record<QuotaRefusal["limit"], (allowed: number) => string>> = {
  unfinishedJobs: (n) => `you have ${n} unfinished jobs, the most that one client may have`,
  allUnfinishedJobs: (n) => `the server has ${n} unfinished jobs, the most that it takes`,
  storedBytes: (n) => `your stored recordings would be larger than the ${n} bytes that one client may have`,
  audioSecondsPerDay: (n) => `your ${n} s of audio of this day are used up`,
};

function quotaError({ limit, allowed, untilMs }: QuotaRefusal, nowMs: number): WireError {
  const until =
    untilMs === undefined ? "try again when one is finished" : `try again after ${new Date(untilMs).toISOString()}`;
  return new WireError("quota_exceeded", `${LIMIT_TEXTS[limit](allowed)}; ${until}`, {
    param: limit,
    retryAfterMs: untilMs === undefined ? QUOTA_RETRY_MS : Math.max(1000, untilMs - nowMs),
  });
}

async function requireSpace(
  blobs: { freeBytes(): Promise<number> },
  { req }: Exchange,
  { diskReserveBytes }: JobsConfig,
): Promise<void> {
  const declared = Number(req.headers["content-length"] ?? 0);
  if ((await blobs.freeBytes()) - declared < diskReserveBytes) throw diskFull();
}

function diskFull(cause?: unknown): WireError {
  return new WireError("disk_full", "the server's disk has no room for another recording; try again later", {
    retryAfterMs: QUOTA_RETRY_MS,
    cause,
  });
}
