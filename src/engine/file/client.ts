import { type GigasttError, WireError } from "../../shared/errors.ts";
import type { Hypothesis, Transcript, TranscribeOptions, WindowReading } from "../contract.ts";
import type { SendToAudioThread } from "../thread/link.ts";

/** The main thread's side of one file job: what its audio thread says about it. */
export interface FileClient {
  readonly onWindow: TranscribeOptions["onWindow"];
  /** The audio thread wants the next chunk of the body. */
  pull(): Promise<void>;
  progress(doneS: number, totalS: number | undefined): void;
  hypothesis(hypothesis: Hypothesis): void;
  reading(reading: WindowReading): void;
  done(transcripts: readonly Transcript[]): void;
  fail(error: GigasttError): void;
}

/** What one file job needs from its host. */
export interface FileClientOptions {
  readonly id: number;
  readonly job: TranscribeOptions;
  readonly send: SendToAudioThread;
  /** The job has ended in any way: it gets no further call. */
  readonly onSettled: () => void;
  readonly resolve: (transcripts: readonly Transcript[]) => void;
  readonly reject: (error: Error) => void;
}

/** Opens the job in its audio thread. */
export function createFileClient({ id, job, send, onSettled, resolve, reject }: FileClientOptions): FileClient {
  const source = job.audio[Symbol.asyncIterator]();
  const onAbort = (): void => settle(() => reject(job.signal.reason as Error)); // by contract
  let settled = false;

  function settle(finish: () => void): void {
    if (settled) return;
    settled = true;
    job.signal.removeEventListener("abort", onAbort);
    onSettled();
    send({ type: "file_abort", id });
    // The rest of the upload is of no use. A source that hangs must not hold the answer.
    source.return?.().catch(() => {});
    finish();
  }

  job.signal.addEventListener("abort", onAbort, { once: true });
  send({
    type: "file_open",
    id,
    options: {
      channels: job.channels ?? "mix",
      headerless: job.headerless,
      track: job.track,
      strict: job.strict ?? false,
      maxDurationMs: job.maxDurationMs,
      wantsHypotheses: job.onHypothesis !== undefined,
      wantsPeaks: job.wantsPeaks ?? false,
      known: job.known ?? [],
      wantsReadings: job.onReading !== undefined,
      hotWords: job.hotWords,
    },
  });
  job.onBegin?.({
    suspend: () => send({ type: "file_hold", id, isHeld: true }),
    resume: () => send({ type: "file_hold", id, isHeld: false }),
  });
  return {
    onWindow: job.onWindow,
    async pull() {
      try {
        const next = await source.next();
        if (settled) return;
        // A copy: the source may go on using its memory, and only memory of our own may be transferred.
        const bytes = next.done ? undefined : new Uint8Array(next.value);
        send({ type: "file_data", id, bytes }, bytes ? [bytes.buffer] : []);
      } catch (error) {
        settle(() => reject(error as Error)); // whatever the source threw
      }
    },
    progress: (doneS, totalS) => job.onProgress?.(doneS, totalS),
    hypothesis(hypothesis) {
      Promise.resolve(job.onHypothesis?.(hypothesis)).then(
        () => send({ type: "file_ack", id }),
        (error: unknown) => settle(() => reject(error as Error)), // whatever the consumer threw
      );
    },
    reading(reading) {
      try {
        job.onReading?.(reading);
      } catch (error) {
        settle(() => reject(error as Error)); // whatever the consumer threw
      }
    },
    done: (transcripts) => settle(() => resolve(transcripts)),
    fail: (error) => settle(() => reject(asTranscriptionError(error))),
  };
}

/** A file's answer names the whole, not one window. */
function asTranscriptionError(error: GigasttError): GigasttError {
  return error.code === "inference_error"
    ? new WireError("transcription_error", "the recording could not be recognised", { cause: error })
    : error;
}
