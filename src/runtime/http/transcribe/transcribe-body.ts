import type { Suspendable, Transcript, TranscribeOptions } from "../../../engine/contract.ts";
import { WireError } from "../../../shared/errors.ts";
import type { RuntimeContext } from "../../context.ts";
import type { Exchange } from "../connections/exchanges.ts";
import { longestWaitMs } from "../../../config/derived.ts";
import type { PoolConfig } from "../../../config/types.ts";
import { awaitModel, isInitializing, isLoading, requireReady } from "../../lifecycle/readiness.ts";
import { rawBody, refuseByHeaders, uploadLimits } from "../uploads/upload.ts";
import type { UploadSource } from "../uploads/upload.ts";
import { readUpload } from "../uploads/upload-to-memory.ts";
import type { Upload } from "../uploads/upload-to-memory.ts";
import { ownerOf } from "../../access/owner.ts";
import { traceWindow } from "../../tracing/window-step.ts";
import { archiveWishes } from "./transcribe-query.ts";
import { setTimeout } from "../../../shared/time/timers.ts";

/** What a route adds to the transcription of a body. */
export type WorkOptions = Pick<
  TranscribeOptions,
  "channels" | "headerless" | "strict" | "track" | "hotWords" | "wantsPeaks" | "onHypothesis" | "onProgress"
>;

/** How long a request waits for what it needs. */
export interface Patience {
  /** For a slot, for memory, and for each if need be. */
  readonly waitMs: number;
  /** It also waits for a model that is loading. */
  readonly awaitsModel?: boolean;
}

/** Returns the patience of routes whose clients stream their upload and never repeat it. */
export function heldPatience(pool: PoolConfig): Patience {
  return { waitMs: longestWaitMs(pool), awaitsModel: true };
}

/**
 * The body of a request through the engine, in the order that keeps slow clients harmless: refuse by state, queue and headers before a byte is
 * read; read the body while holding nothing but its memory; only then wait for a slot; hold the slot while the engine works and no longer.
 */
export async function transcribeBody(
  exchange: Exchange,
  context: RuntimeContext,
  options: WorkOptions,
): Promise<readonly Transcript[]> {
  const patience: Patience = { waitMs: context.settings.current.pool.checkoutTimeoutMs };
  const upload = await receiveUpload(exchange, context, { source: rawBody(exchange.req), ...patience });
  return transcribeUpload(exchange, context, { upload, options, ...patience });
}

export interface ReceiveOptions extends Patience {
  readonly source: UploadSource;
  /** Default `limits.body`. */
  readonly bodyBytes?: number;
}

/** Refuses by state, queue and headers, then reads the body into memory. The caller has it transcribed or releases it. */
export async function receiveUpload(
  exchange: Exchange,
  context: RuntimeContext,
  { source, waitMs, awaitsModel, bodyBytes }: ReceiveOptions,
): Promise<Upload> {
  const { req, signal, client, trace } = exchange;
  if (awaitsModel !== true || !isLoading(context)) requireReady(context);
  const limits = uploadLimits(context, bodyBytes);
  refuseByHeaders(req, limits);
  const refusal = context.admission.refusal(client.key, waitMs);
  if (refusal !== undefined) throw refusal;

  exchange.inviteBody();
  const fromMs = context.clock.monotonicMs();
  const upload = await readUpload({
    req,
    source,
    limits,
    memory: context.uploads,
    memoryWaitMs: waitMs,
    client: client.key,
    clock: context.clock,
    signal,
  });
  exchange.fields["bytes"] = upload.bytes;
  trace?.step("receive", fromMs, context.clock.monotonicMs(), { "gigastt.bytes": upload.bytes });
  try {
    // Behind the body: a client that leaves is only noticed behind what it has sent.
    if (awaitsModel === true) await awaitModel(context, waitMs, signal);
  } catch (error) {
    upload.release();
    throw error;
  }
  return upload;
}

/** Reads what is wanted of the upload; releases it when that throws. */
export function withUpload<T>(upload: Upload, read: () => T): T {
  try {
    return read();
  } catch (error) {
    upload.release();
    throw error;
  }
}

/** Waits for a slot and transcribes. The upload is released in any case. */
export async function transcribeUpload(
  exchange: Exchange,
  context: RuntimeContext,
  { upload, options, waitMs, awaitsModel }: Patience & { readonly upload: Upload; readonly options: WorkOptions },
): Promise<readonly Transcript[]> {
  const { signal, client, trace } = exchange;
  const nowMs = (): number => context.clock.monotonicMs();
  try {
    const { isRefused, title } = archiveWishes(new URLSearchParams(exchange.req.url?.split("?")[1]));
    exchange.stage = "waiting";
    let work: Suspendable | undefined;
    let isSuspended = false;
    const askedMs = nowMs();
    const slot = await context.admission.acquire({
      client: client.key,
      kind: "file",
      signal,
      waitMs,
      onSuspend: () => {
        isSuspended = true;
        work?.suspend();
      },
      onResume: () => {
        isSuspended = false;
        work?.resume();
      },
    });
    exchange.stage = "working";
    const begunMs = nowMs();
    trace?.step("queue", askedMs, begunMs);
    let countedS = 0;
    const countAudio = (audioS: number): void => {
      exchange.use?.count((audioS - countedS) * 1000);
      countedS = Math.max(countedS, audioS);
    };
    const stopBudget = startBudget(exchange, context.settings.current.limits.requestBudgetMs);
    try {
      const transcribe = (): Promise<readonly Transcript[]> =>
        context.engine.transcribe({
          ...options,
          audio: whenRead(upload.blocks(), () => trace?.step("decode", begunMs, nowMs())),
          maxDurationMs: context.settings.current.limits.maxAudioDurationMs,
          signal,
          onProgress: (doneS, totalS) => {
            countAudio(doneS);
            options.onProgress?.(doneS, totalS);
          },
          ...(trace && { onWindow: (window) => traceWindow(trace, nowMs(), window) }),
          onBegin: (begun) => {
            work = begun;
            if (isSuspended) begun.suspend();
          },
        });
      const transcripts = await transcribe().catch(async (error: unknown) => {
        // An unloaded model loads again at the first request, and has refused that one unread.
        if (awaitsModel !== true || !isInitializing(error)) throw error;
        await awaitModel(context, waitMs, signal);
        return transcribe();
      });
      const audioS = Math.max(0, ...transcripts.map((transcript) => transcript.durationS));
      exchange.fields["audio_s"] = audioS;
      countAudio(audioS);
      if (!isRefused) context.archive?.keep({ owner: ownerOf(exchange), source: "request", title, transcripts });
      return transcripts;
    } finally {
      stopBudget();
      slot.release();
    }
  } finally {
    upload.release();
  }
}

/** Passes blocks on, and says when the last one was taken. */
async function* whenRead(blocks: AsyncIterable<Uint8Array>, done: () => void): AsyncGenerator<Uint8Array> {
  yield* blocks;
  done();
}

function startBudget(exchange: Exchange, budgetMs: number): () => void {
  const timer = setTimeout(() => {
    exchange.abort(
      new WireError("inference_timeout", `the transcription took longer than ${budgetMs / 1000} s; send shorter audio`),
    );
  }, budgetMs);
  return () => clearTimeout(timer);
}
