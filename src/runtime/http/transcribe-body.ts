import type { Suspendable, Transcript, TranscribeOptions } from "../../engine/contract.ts";
import { WireError } from "../../shared/errors.ts";
import type { RuntimeContext } from "../context.ts";
import type { Exchange } from "./exchanges.ts";
import { requireReady } from "../lifecycle/readiness.ts";
import { readUpload, refuseByHeaders } from "./upload.ts";
import type { UploadLimits } from "./upload.ts";
import { setTimeout } from "../../shared/timers.ts";

/** What a route adds to the transcription of a body. */
export type WorkOptions = Pick<
  TranscribeOptions,
  "channels" | "headerless" | "strict" | "track" | "onHypothesis" | "onProgress"
>;

/**
 * The body of a request through the engine, in the order that keeps slow clients harmless: refuse by state, queue and headers before a byte is
 * read; read the body while holding nothing but its memory; only then wait for a slot; hold the slot while the engine works and no longer.
 */
export async function transcribeBody(
  exchange: Exchange,
  context: RuntimeContext,
  options: WorkOptions,
): Promise<readonly Transcript[]> {
  requireReady(context);
  const limits = uploadLimits(context);
  refuseByHeaders(exchange.req, limits);
  const refusal = context.admission.refusal(exchange.client.key);
  if (refusal !== undefined) throw refusal;

  const { req, signal, client } = exchange;
  exchange.inviteBody();
  const upload = await readUpload({
    req,
    limits,
    memory: context.uploads,
    client: client.key,
    clock: context.clock,
    signal,
  });
  exchange.fields["bytes"] = upload.bytes;
  try {
    exchange.stage = "waiting";
    let work: Suspendable | undefined;
    let isSuspended = false;
    const slot = await context.admission.acquire({
      client: client.key,
      kind: "file",
      signal,
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
    const stopBudget = startBudget(exchange, context.settings.current.limits.requestBudgetMs);
    try {
      const transcripts = await context.engine.transcribe({
        ...options,
        audio: upload.blocks(),
        maxDurationMs: context.settings.current.limits.maxAudioDurationMs,
        signal,
        onBegin: (begun) => {
          work = begun;
          if (isSuspended) begun.suspend();
        },
      });
      exchange.fields["audio_s"] = Math.max(0, ...transcripts.map((transcript) => transcript.durationS));
      return transcripts;
    } finally {
      stopBudget();
      slot.release();
    }
  } finally {
    upload.release();
  }
}

function uploadLimits({ settings, timing }: RuntimeContext): UploadLimits {
  const { limits, pool } = settings.current;
  return {
    bodyBytes: limits.bodyBytes,
    minUploadKbps: limits.minUploadKbps,
    graceMs: timing.uploadGraceMs,
    memoryWaitMs: pool.checkoutTimeoutMs,
  };
}

function startBudget(exchange: Exchange, budgetMs: number): () => void {
  const timer = setTimeout(() => {
    exchange.abort(
      new WireError("inference_timeout", `the transcription took longer than ${budgetMs / 1000} s; send shorter audio`),
    );
  }, budgetMs);
  return () => clearTimeout(timer);
}
