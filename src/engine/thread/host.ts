import type { HotWord } from "../../shared/hot-words.ts";
import { WireError } from "../../shared/errors.ts";
import type { LiveStream, LiveStreamOptions, Transcript, TranscribeOptions } from "../contract.ts";
import type { WindowResult } from "../acoustic/protocol.ts";
import { errorToFailure, failureToError } from "./failure.ts";
import { createFileClient, type FileClient } from "../file/client.ts";
import type { AudioThreadLink, OpenAudioThread, SendToAudioThread } from "./link.ts";
import type { FromAudioThread, AudioSettings } from "./protocol.ts";
import { createStreamClient, type StreamClient } from "../stream/client.ts";
import { setInterval } from "../../shared/time/timers.ts";

/** A window an audio thread asks for, on its way to the pool. */
export interface HostWindow {
  readonly features: Float32Array;
  readonly frames: number;
  readonly kind: "live" | "file";
  readonly withinMs: number;
  readonly hotWords: readonly HotWord[] | undefined;
  readonly signal: AbortSignal;
}

export interface AudioThreadHostOptions {
  readonly open: OpenAudioThread;
  readonly recognize: (window: HostWindow) => Promise<WindowResult>;
  /** The audio thread was lost and has been replaced; its jobs have failed. */
  readonly onLost: (reason: string) => void;
  readonly onStreams: (open: number) => void;
}

/** The main thread's side of an audio thread: hands out jobs, carries windows to the pool, heals the thread. */
export interface AudioThreadHost {
  readonly jobs: number;
  /** Streams in which speech was heard in the last half minute. */
  readonly speaking: number;
  /** Audio of all jobs that was worked through, seconds. */
  readonly audioS: number;
  /** Tells the thread what the model is like. Comes before any job: a thread may be opened while the model still loads. */
  begin(settings: AudioSettings): void;
  transcribe(options: TranscribeOptions): Promise<readonly Transcript[]>;
  openStream(options: LiveStreamOptions): LiveStream;
  /** Rejects file jobs, ends streams, ends the thread. */
  close(): Promise<void>;
}

export function hostAudioThread(options: AudioThreadHostOptions): AudioThreadHost {
  let nextId = 1;
  let closed = false;
  const files = new Map<number, FileClient>();
  const streams = new Map<number, StreamClient>();
  const windows = new Map<number, AbortController>();
  /** Seconds of each job that are counted. */
  const counted = new Map<number, number>();
  let audioS = 0;
  let settings: AudioSettings | undefined;
  let link = connect();
  let unansweredPings = 0;
  // A decoder that hangs in one file would hold every file after it. The thread runs no ONNX: it may be ended.
  // Pings are counted, not seconds: a process that was frozen for a minute has a thread that had no chance to answer.
  const watchdog = setInterval(() => {
    if (files.size + streams.size === 0) unansweredPings = 0;
    else if (unansweredPings >= MOST_UNANSWERED) {
      unansweredPings = 0;
      void link.close();
      lost("the thread did not answer");
    } else {
      unansweredPings++;
      link.send({ type: "ping", id: 0 });
    }
  }, PING_MS);
  watchdog.unref();

  function connect(): AudioThreadLink {
    const opened = options.open(receive, lost);
    if (settings) opened.send({ type: "init", settings });
    return opened;
  }

  function count(id: number, doneS: number): void {
    audioS += Math.max(0, doneS - (counted.get(id) ?? 0));
    counted.set(id, Math.max(doneS, counted.get(id) ?? 0));
  }

  function lost(reason: string): void {
    if (closed) return;
    for (const controller of windows.values()) controller.abort(new Error(reason));
    windows.clear();
    link = connect();
    const cause = new Error(reason);
    for (const file of files.values()) file.fail(failureToError(errorToFailure(cause, "transcription_error")));
    for (const stream of streams.values()) stream.lost(failureToError(errorToFailure(cause, "inference_error")));
    options.onLost(reason);
  }

  function receive(message: FromAudioThread): void {
    unansweredPings = 0;
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
        if (files.has(message.id)) count(message.id, message.doneS);
        files.get(message.id)?.progress(message.doneS, message.totalS);
        return;
      case "reading":
        files.get(message.id)?.reading(message.reading);
        return;
      case "hypothesis":
        files.get(message.id)?.hypothesis(message.hypothesis);
        streams.get(message.id)?.heard(message.hypothesis);
        return;
      case "file_done":
        files.get(message.id)?.done(message.transcripts);
        return;
      case "file_failed":
        files.get(message.id)?.fail(failureToError(message.failure));
        return;
      case "stream_covered":
        if (streams.has(message.id)) count(message.id, message.coveredMs / 1000);
        streams.get(message.id)?.covered(message.coveredMs);
        return;
      case "stream_speech":
        streams.get(message.id)?.spoke();
        return;
      case "stream_utterance":
        streams.get(message.id)?.utterance(message.event);
        return;
      case "stream_error":
        streams.get(message.id)?.options.onError(failureToError(message.failure));
        return;
      case "stream_done": {
        const stream = streams.get(message.id);
        if (stream) count(message.id, stream.handle.writtenMs / 1000);
        stream?.finished();
        return;
      }
      case "pong":
        return;
    }
  }

  function tellTiming(id: number, frames: number, computedMs: number, tookMs: number): void {
    const onWindow = files.get(id)?.onWindow ?? streams.get(id)?.options.onWindow;
    if (onWindow === undefined || settings === undefined) return;
    const { hopSamples, sampleRateHz } = settings.frontEnd;
    onWindow({ audioS: (frames * hopSamples) / sampleRateHz, waitedMs: Math.max(0, tookMs - computedMs), computedMs });
  }

  async function runWindow(message: Extract<FromAudioThread, { type: "window" }>): Promise<void> {
    const { window, features, frames, kind, id, withinMs, hotWords } = message;
    streams.get(id)?.spoke();
    const askedMs = performance.now();
    const controller = new AbortController();
    const asked = link;
    windows.set(window, controller);
    try {
      const { signal } = controller;
      const result = await options.recognize({ features, frames, kind, withinMs, hotWords, signal });
      tellTiming(id, frames, result.totalMs, performance.now() - askedMs);
      if (asked === link && !controller.signal.aborted) {
        link.send({ type: "window_done", window, result }, [
          result.ids.buffer,
          result.frames.buffer,
          result.probabilities.buffer,
          ...(result.spans ? [result.spans.buffer] : []),
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

  const send: SendToAudioThread = (message, transfer) => link.send(message, transfer);

  function transcribe(job: TranscribeOptions): Promise<readonly Transcript[]> {
    return new Promise((resolve, reject) => {
      if (job.signal.aborted) return reject(job.signal.reason as Error); // by contract
      const id = nextId++;
      const onSettled = (): void => {
        files.delete(id);
        counted.delete(id);
      };
      files.set(id, createFileClient({ id, job, send, onSettled, resolve, reject }));
    });
  }

  function openStream(stream: LiveStreamOptions): LiveStream {
    const id = nextId++;
    const onFinished = (): void => {
      streams.delete(id);
      counted.delete(id);
      options.onStreams(streams.size);
    };
    const client = createStreamClient({ id, stream, send, onFinished });
    streams.set(id, client);
    options.onStreams(streams.size);
    return client.handle;
  }

  return {
    get jobs() {
      return files.size + streams.size;
    },
    get speaking() {
      const sinceMs = performance.now() - SPEAKS_FOR_MS;
      let count = 0;
      for (const stream of streams.values()) if (stream.spokeAtMs > sinceMs) count++;
      return count;
    },
    get audioS() {
      return audioS;
    },
    begin(given) {
      settings = given;
      link.send({ type: "init", settings });
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
/** A loaded machine may take seconds; nothing that works takes half a minute between two messages. */
const MOST_UNANSWERED = 6;
/** Longer than people pause. A stream without speech costs nothing, and its connection may last for days. */
const SPEAKS_FOR_MS = 30_000;
