import { createHash, randomUUID } from "node:crypto";
import type { DataStore, Lock, Locker, Upload } from "@tus/server";
import { WireError, errorCodeOf } from "../../shared/errors.ts";
import { ROUTES } from "../../shared/protocol.ts";
import type { WireErrorCode } from "../../shared/protocol.ts";
import { createPartWriter, readParts } from "../../store/blobs/files.ts";
import { UPLOAD_MS } from "../../store/jobs/policy.ts";
import type { Job } from "../../store/jobs/types.ts";
import type { RuntimeContext } from "../context.ts";
import type { Exchange } from "../http/connections/exchanges.ts";
import type { Reply } from "../http/replies/reply.ts";
import { rawBody, receiveBody, uploadLimits } from "../http/uploads/upload.ts";
import type { RouteRequest } from "../route.ts";
import { jobNotFound, requireJob, requireJobs } from "./access.ts";
import { ownerOf } from "../access/owner.ts";
import type { OpenJobs } from "./access.ts";
import { diskFull, quotaError, quotasOf, requireSpace } from "./limits.ts";
import { TUS_EXTENSIONS, requireTusVersion } from "./tus-headers.ts";
import { withFields, wishesOf } from "./wishes.ts";

/**
 * Answers a request of the tus protocol (https://tus.io, 1.0). `@tus/server` reads headers and decides; the body goes through the same
 * reception as every upload, straight into the parts of its job. What has arrived is what is on the disk: it survives a restart.
 */
export async function answerTus(exchange: Exchange, context: RuntimeContext, request: RouteRequest): Promise<Reply> {
  const open = requireJobs(context);
  if (context.phase.draining) throw new WireError("shutting_down", "the server is shutting down");
  requireTusVersion(exchange.req.headers["tus-resumable"]);
  const { Server, DataStore, Upload } = await import("@tus/server"); // only where it is used: it loads some 40 files
  let failure: unknown;
  const server = new Server({
    path: ROUTES.uploads.path,
    relativeLocation: true,
    maxSize: context.settings.current.jobs.uploadBytes,
    namingFunction: () => randomUUID(),
    getFileIdFromRequest: () => request.params["id"],
    disableTerminationForFinishedUploads: true,
    locker: lockerOf(exchange, open),
    datastore: Object.assign(new DataStore(), uploadsOf(exchange, context, request, open, Upload)),
    onUploadFinish: async (_, { id }) => {
      await finish(await requireJob(open.store, id, exchange), context, open);
      return {};
    },
    onResponseError: (_, error) => {
      failure = error;
      return undefined;
    },
  });
  const { req } = exchange;
  const response = await server.handleWeb(
    new Request(`http://localhost${ROUTES.uploads.path}/${request.params["id"] ?? ""}`, {
      method: req.method ?? "",
      headers: protocolHeadersOf(exchange),
    }),
  );
  if (failure instanceof Error) throw errorCodeOf(failure) === "ENOSPC" ? diskFull(failure) : failure;
  if (response.status >= 400) throw refusalOf(response.status, await response.text());
  return {
    status: response.status,
    headers: Object.fromEntries(
      [...response.headers].filter(([name]) => !name.startsWith("access-control-") && name !== "content-length"),
    ),
  };
}

// ---

/** What `@tus/server` asks of a store. Errors thrown here reach the client as they are. */
function uploadsOf(
  exchange: Exchange,
  context: RuntimeContext,
  { query }: RouteRequest,
  open: OpenJobs,
  UploadOf: typeof Upload,
): Pick<DataStore, "extensions" | "create" | "write" | "getUpload" | "remove" | "getExpiration"> {
  const { store, blobs, jobs } = open;
  const { jobs: config } = context.settings.current;

  /** The job of an upload; a plain upload that is under way cannot be joined. */
  const jobOf = async (id: string): Promise<Job> => {
    const job = await requireJob(store, id, exchange);
    if (job.audioBytes === 0) throw jobNotFound();
    return job;
  };

  return {
    extensions: [...TUS_EXTENSIONS],
    getExpiration: () => UPLOAD_MS,

    create: async (upload) => {
      const { id, size: bytes = 0, metadata = {} } = upload;
      if (bytes === 0) throw new WireError("empty_body", "Upload-Length must be the size of a recording, not 0");
      const asked = Object.entries(metadata).map(([name, value]) => [name, value ?? undefined] as const);
      const wishes = wishesOf(exchange, withFields(query, asked), config);
      await requireSpace(blobs, bytes, config);
      // A repeated creation is another upload; the key of a request that makes a job at once is not meant.
      const draft = { ...wishes, id, owner: ownerOf(exchange), idempotencyKey: undefined, bytes };
      const begun = await store.begin(draft, quotasOf(config));
      if (begun.kind === "refused") throw quotaError(begun, context.clock.nowMs());
      exchange.fields["job"] = id;
      return upload;
    },

    getUpload: async (id) => {
      const job = await jobOf(id);
      const offset = job.state === "uploading" ? await blobs.size(id) : job.audioBytes;
      // The server ended between the last byte and the queue.
      if (job.state === "uploading" && offset === job.audioBytes) await finish(job, context, open);
      return new UploadOf({ id, size: job.audioBytes, offset, creation_date: new Date(job.updatedMs).toISOString() });
    },

    write: async (stream, id, offset) => {
      stream.resume(); // empty: the request itself is received
      const job = await jobOf(id);
      await store.touch(id);
      exchange.fields["job"] = id;
      const writer = createPartWriter(blobs, id, offset);
      exchange.inviteBody();
      try {
        const bytes = await receiveBody({
          req: exchange.req,
          source: rawBody(exchange.req),
          limits: uploadLimits(context, job.audioBytes - offset),
          clock: context.clock,
          signal: exchange.signal,
          sink: () => writer.write,
        });
        exchange.fields["bytes"] = bytes;
        return offset + bytes;
      } finally {
        await writer.flush();
        // Deleted while it arrived: its folder was made again.
        if ((await store.get(id)) === undefined) await blobs.remove(id);
      }
    },

    remove: async (id) => {
      await store.abandon((await jobOf(id)).id);
      jobs.cancelled(id);
    },
  };
}

/** Queues the job of a complete upload. */
async function finish(job: Job, context: RuntimeContext, { store, blobs, jobs }: OpenJobs): Promise<void> {
  const writer = createPartWriter(blobs, job.id, job.audioBytes);
  const { parts, bytes } = writer.stored;
  const hash = createHash("sha256");
  for await (const part of readParts(blobs, job.id, parts)) hash.update(part);
  const audio = { parts, bytes, sha256: hash.digest("hex") };
  const submitted = await store.submit(job.id, audio, quotasOf(context.settings.current.jobs));
  if (submitted.kind === "refused") throw quotaError(submitted, context.clock.nowMs());
  jobs.changed(job.id);
}

/** The headers of the protocol; others mean nothing to it. */
function protocolHeadersOf({ req }: Exchange): Headers {
  const names = Object.entries(req.headers).filter(([name]) => /^(?:tus-|upload-|content-)/.test(name));
  return new Headers(names.flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])));
}

function lockerOf(exchange: Exchange, { jobs }: OpenJobs): Locker {
  return {
    newLock: (id): Lock => {
      let release = (): void => {};
      return {
        lock: async () => {
          release = await jobs.uploads.take(id, () =>
            exchange.abort(new WireError("bad_request", "another request continues this upload", { status: 409 })),
          );
          if (exchange.signal.aborted) {
            release();
            throw exchange.signal.reason;
          }
        },
        unlock: async () => release(),
      };
    },
  };
}

const CODES: Readonly<Record<number, WireErrorCode>> = {
  404: "job_not_found",
  410: "job_not_found",
  413: "payload_too_large",
};

/** The refusal of the protocol in the words of `@tus/server`. */
function refusalOf(status: number, text: string): WireError {
  return new WireError(CODES[status] ?? "bad_request", text.trim() || "the request does not follow tus 1.0", {
    status,
  });
}
