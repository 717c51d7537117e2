import { createHash, randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { WireError, errorCodeOf } from "../../shared/errors.ts";
import { createPartWriter } from "../../store/blobs/files.ts";
import type { Job, JobDraft, StoredAudio } from "../../store/jobs/types.ts";
import type { RuntimeContext } from "../context.ts";
import type { Exchange } from "../http/connections/exchanges.ts";
import { rawBody, receiveBody, refuseByHeaders, uploadLimits } from "../http/uploads/upload.ts";
import { readForm } from "../http/uploads/upload-form.ts";
import { ownerOf } from "../access/owner.ts";
import { requireJobs } from "./access.ts";
import { diskFull, quotaError, quotasOf, requireSpace } from "./limits.ts";
import { withFields, wishesOf } from "./wishes.ts";

export interface CreatedJob {
  readonly job: Job;
  /** The Idempotency-Key was used before: nothing was made. */
  readonly isRepeated: boolean;
}

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
  await requireSpace(blobs, Number(req.headers["content-length"] ?? 0), config);
  const quotas = quotasOf(config);
  const begun = await store.begin(draft, quotas);
  if (begun.kind === "refused") throw quotaError(begun, context.clock.nowMs());

  const writer = createPartWriter(blobs, draft.id);
  const hash = createHash("sha256");
  try {
    exchange.inviteBody();
    await receiveBody({
      req,
      source: form ?? rawBody(req),
      limits,
      clock: context.clock,
      signal,
      sink: () => (bytes) => {
        hash.update(bytes);
        return writer.write(bytes);
      },
    });
    // What a form asks for is known when it is complete.
    const asked =
      form === undefined ? undefined : wishesOf(exchange, withFields(query, lastValues(form.fields)), config);
    await writer.flush();
    const audio: StoredAudio = { ...writer.stored, sha256: hash.digest("hex") };
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
    // Where the store is away the upload is given up by its age.
    await store.abandon(draft.id).catch(() => {});
    jobs.cancelled(draft.id);
    throw errorCodeOf(error) === "ENOSPC" ? diskFull(error) : error;
  }
}

// ---

/** The recording in a form; its other parts are parameters. */
export const FILE_PART = "file";

function isForm({ headers }: IncomingMessage): boolean {
  return /^multipart\/form-data\b/i.test(headers["content-type"] ?? "");
}

function lastValues(
  fields: ReadonlyMap<string, readonly string[]>,
): readonly (readonly [string, string | undefined])[] {
  return [...fields].map(([name, values]) => [name, values.at(-1)]);
}
