import { WireError } from "../../shared/errors.ts";
import type { Hypothesis, LiveStream, LiveStreamOptions, Transcript, TranscribeOptions } from "../contract.ts";
import type { WindowResult } from "../model/protocol.ts";
import { errorToFailure, failureToError } from "./core.ts";
import type { FrontLink, OpenFront } from "./link.ts";
import type { Failure, FromFront, FrontSettings } from "./protocol.ts";

/** A window a front asks for, on its way to the pool. */
export interface HostWindow {
  readonly features: Float32Array;
  readonly frames: number;
  readonly kind: "live" | "file";
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

export interface FrontHostOptions {
  readonly open: OpenFront;
  readonly settings: FrontSettings;
  readonly recognize: (window: HostWindow) => Promise<WindowResult>;
  /** The front was lost and has been replaced; its jobs have been told. */
  readonly onLost: (reason: string) => void;
  readonly onStreams: (open: number) => void;
}

/** The main thread's side of a front: hands out jobs, carries windows to the pool, heals the thread. */
export interface FrontHost {
  readonly jobs: number;
  transcribe(options: TranscribeOptions): Promise<readonly Transcript[]>;
  openStream(options: LiveStreamOptions): LiveStream;
  /** Rejects file jobs, ends streams, ends the thread. */
  close(): Promise<void>;
}

export function createFrontHost(options: FrontHostOptions): FrontHost {
  let nextId = 1;
  let closed = false;
  const files = new Map<number, FileClient>();
  const streams = new Map<number, StreamClient>();
  const windows = new Map<number, AbortController>();
  let link = connect();
  let heardAtMs = performance.now();
  // A decoder that hangs in somebody's file would hold every file after it. The thread runs no ONNX: it may be ended.
  const watchdog = setInterval(() => {
    const nowMs = performance.now();
    if (files.size + streams.size === 0) heardAtMs = nowMs;
    else if (nowMs - heardAtMs > SILENT_MS) {
      heardAtMs = nowMs;
      void link.close();
      lost("the thread did not answer");
    } else link.send({ type: "ping", id: 0 });
  }, PING_MS);
  watchdog.unref();

  function connect(): FrontLink {
    const opened = options.open(receive, lost);
    opened.send({ type: "init", settings: options.settings });
    return opened;
  }

  function lost(reason: string): void {
    if (closed) return;
    for (const controller of windows.values()) controller.abort(new Error(reason));
    windows.clear();
    link = connect();
    const failure: Failure = errorToFailure(new Error(reason), "transcription_error");
    for (const file of files.values()) file.fail(failureToError(failure));
    for (const stream of streams.values()) stream.lost(failureToError({ ...failure, code: "inference_error" }));
    options.onLost(reason);
  }

  function receive(message: FromFront): void {
    heardAtMs = performance.now();
    switch (message.type) {
      case "window":
        void runWindow(message);
        return;
      case "window_cancel":
        windows.get(message.window)?.abort(new Error("the window is not wanted any more"));
        return;
      case "file_pull":
        void files.get(message.id)?.pull();
        return;
      case "progress":
        files.get(message.id)?.progress(message.doneS, message.totalS);
        return;
      case "hypothesis":
        files.get(message.id)?.hypothesis(message.hypothesis);
        streams.get(message.id)?.options.onHypothesis(message.hypothesis);
        return;
      case "file_done":
        files.get(message.id)?.done(message.transcripts);
        return;
      case "file_failed":
        files.get(message.id)?.fail(failureToError(message.failure));
        return;
      case "stream_covered":
        streams.get(message.id)?.covered(message.coveredMs);
        return;
      case "stream_error":
        streams.get(message.id)?.options.onError(failureToError(message.failure));
        return;
      case "stream_done":
        streams.get(message.id)?.finished();
        return;
      case "pong":
        return;
    }
  }

  async function runWindow(message: Extract<FromFront, { type: "window" }>): Promise<void> {
    const { window, features, frames, kind, withinMs } = message;
    const controller = new AbortController();
    const asked = link;
    windows.set(window, controller);
    try {
      const result = await options.recognize({ features, frames, kind, withinMs, signal: controller.signal });
      if (asked === link && !controller.signal.aborted) {
        link.send({ type: "window_done", window, result }, [
          result.ids.buffer,
          result.frames.buffer,
          result.probabilities.buffer,
        ]);
      }
    } catch (error) {
      if (asked === link && !controller.signal.aborted) {
        link.send({ type: "window_failed", window, failure: errorToFailure(error, "inference_error") });
      }
    } finally {
      if (asked === link) windows.delete(window);
    }
  }

  function transcribe(job: TranscribeOptions): Promise<readonly Transcript[]> {
    return new Promise((resolve, reject) => {
      if (job.signal.aborted) return reject(job.signal.reason as Error); // by contract
      const id = nextId++;
      const source = job.audio[Symbol.asyncIterator]();
      const onAbort = (): void => settle(() => reject(job.signal.reason as Error)); // by contract
      let settled = false;
      function settle(finish: () => void): void {
        if (settled) return;
        settled = true;
        job.signal.removeEventListener("abort", onAbort);
        files.delete(id);
        link.send({ type: "file_abort", id });
        // An upload that nobody wants any more is not read to its end. A source that hangs must not hold the answer.
        source.return?.().catch(() => {});
        finish();
      }
      files.set(id, {
        async pull() {
          try {
            const next = await source.next();
            if (settled) return;
            // A copy: the source may go on using its memory, and only memory of our own may be transferred.
            const bytes = next.done ? undefined : new Uint8Array(next.value);
            link.send({ type: "file_data", id, bytes }, bytes ? [bytes.buffer] : []);
          } catch (error) {
            settle(() => reject(error as Error)); // whatever the source threw
          }
        },
        progress: (doneS, totalS) => job.onProgress?.(doneS, totalS),
        hypothesis(hypothesis) {
          Promise.resolve(job.onHypothesis?.(hypothesis)).then(
            () => link.send({ type: "file_ack", id }),
            (error: unknown) => settle(() => reject(error as Error)), // whatever the consumer threw
          );
        },
        done: (transcripts) => settle(() => resolve(transcripts)),
        fail: (error) => settle(() => reject(asTranscriptionError(error))),
      });
      job.signal.addEventListener("abort", onAbort, { once: true });
      link.send({
        type: "file_open",
        id,
        options: {
          channels: job.channels ?? "mix",
          headerless: job.headerless,
          maxDurationMs: job.maxDurationMs,
          wantsHypotheses: job.onHypothesis !== undefined,
        },
      });
    });
  }

  function openStream(streamOptions: LiveStreamOptions): LiveStream {
    const id = nextId++;
    const bytesPerMs = (streamOptions.sampleRateHz * 2) / 1000;
    let receivedBytes = 0;
    let coveredMs = 0;
    let ending: Promise<void> | undefined;
    let over = false;
    let waiters: { ms: number; resolve: () => void }[] = [];
    let resolveEnd: (() => void) | undefined;

    const backlogMs = (): number => (over ? 0 : Math.max(0, receivedBytes / bytesPerMs - coveredMs));
    function wake(): void {
      const backlog = backlogMs();
      const ready = waiters.filter((waiter) => backlog < waiter.ms || over);
      waiters = waiters.filter((waiter) => !ready.includes(waiter));
      for (const waiter of ready) waiter.resolve();
    }
    function finish(): void {
      if (over) return;
      over = true;
      streams.delete(id);
      options.onStreams(streams.size);
      wake();
      resolveEnd?.();
    }
    streams.set(id, {
      options: streamOptions,
      covered(ms) {
        coveredMs = ms;
        wake();
      },
      finished: finish,
      lost(error) {
        streamOptions.onError(error);
        // The stream goes on in the new thread with the audio to come; a stream that was ending has nothing to come.
        if (ending) {
          streamOptions.onHypothesis(EMPTY_FINAL);
          finish();
          return;
        }
        coveredMs = 0;
        receivedBytes = 0;
        open();
      },
    });
    function open(): void {
      const { sampleRateHz, endpoint, minSilenceMs, commitPolicy } = streamOptions;
      link.send({ type: "stream_open", id, options: { sampleRateHz, endpoint, minSilenceMs, commitPolicy } });
    }
    open();
    options.onStreams(streams.size);

    return {
      write(pcm) {
        if (over || ending || pcm.length === 0) return;
        const bytes = new Uint8Array(pcm);
        receivedBytes += bytes.length;
        link.send({ type: "stream_data", id, bytes }, [bytes.buffer]);
      },
      get backlogMs() {
        return backlogMs();
      },
      waitForBacklogBelow: (ms) =>
        backlogMs() < ms || over
          ? Promise.resolve()
          : new Promise((resolve) => {
              waiters.push({ ms, resolve });
            }),
      end() {
        ending ??= over
          ? Promise.resolve()
          : new Promise((resolve) => {
              resolveEnd = resolve;
              link.send({ type: "stream_end", id });
            });
        return ending;
      },
      abort() {
        if (over) return;
        link.send({ type: "stream_abort", id });
        finish();
      },
    };
  }

  return {
    get jobs() {
      return files.size + streams.size;
    },
    transcribe,
    openStream,
    async close() {
      closed = true;
      clearInterval(watchdog);
      for (const file of files.values()) file.fail(new WireError("pool_closed", "the recogniser is shutting down"));
      for (const stream of streams.values()) stream.finished();
      for (const controller of windows.values()) controller.abort(new Error("the engine is closing"));
      await link.close();
    },
  };
}

// ---

const PING_MS = 5000;
/** A loaded machine may take seconds; nothing honest takes this long between two messages. */
const SILENT_MS = 30_000;

interface FileClient {
  pull(): Promise<void>;
  progress(doneS: number, totalS: number | undefined): void;
  hypothesis(hypothesis: Hypothesis): void;
  done(transcripts: readonly Transcript[]): void;
  fail(error: WireError): void;
}

interface StreamClient {
  readonly options: LiveStreamOptions;
  covered(ms: number): void;
  finished(): void;
  lost(error: WireError): void;
}

const EMPTY_FINAL: Hypothesis = {
  type: "final",
  committed: "",
  tentative: "",
  words: [],
  confidence: undefined,
  endpointReason: "stop",
  speechFinal: true,
};

/** A file's answer names the whole, not one window. */
function asTranscriptionError(error: WireError): WireError {
  return error.wireCode === "inference_error"
    ? new WireError("transcription_error", "the recording could not be recognised", { cause: error })
    : error;
}
