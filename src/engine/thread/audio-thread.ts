import type { WindowResult } from "../acoustic/protocol.ts";
import type { HotWord } from "../../shared/hot-words.ts";
import { errorToFailure, failureToError } from "./failure.ts";
import { runFileJob } from "../file/job.ts";
import { createLiveSession, type LiveSession } from "../stream/live-session.ts";
import type { FileOptions, FromAudioThread, AudioSettings, ToAudioThread } from "./protocol.ts";
import { createStreamTurns, queueStream } from "../stream/stream-queue.ts";
import { createSpanReader, type SpanReader, type WindowRequest } from "../windows/span-reader.ts";

/** Everything between bytes and words but the neural network. Runs in a worker thread, or in-process for the fake engine. */
export interface AudioThread {
  receive(message: ToAudioThread): void;
}

export function createAudioThread(emit: (message: FromAudioThread, transfer?: ArrayBufferLike[]) => void): AudioThread {
  let settings: AudioSettings | undefined;
  let nextWindow = 1;
  const windows = new Map<number, { resolve(result: WindowResult): void; reject(error: Error): void }>();
  const files = new Map<number, FileEntry>();
  const turns = createStreamTurns();
  const streams = new Map<number, LiveSession>();

  /** Reads the windows of one file or stream. */
  const readerFor = (id: number, hotWords: readonly HotWord[] | undefined): SpanReader =>
    createSpanReader((request) => recognize(request, id, hotWords), settings!);

  function recognize(
    request: WindowRequest,
    id: number,
    hotWords: readonly HotWord[] | undefined,
  ): Promise<WindowResult> {
    return new Promise((resolve, reject) => {
      request.signal.throwIfAborted();
      const window = nextWindow++;
      const onAbort = (): void => {
        if (windows.delete(window)) emit({ type: "window_cancel", window });
        reject(request.signal.reason as Error); // our own controllers abort with errors
      };
      request.signal.addEventListener("abort", onAbort, { once: true });
      const settle = (): void => request.signal.removeEventListener("abort", onAbort);
      windows.set(window, {
        resolve: (result) => {
          settle();
          resolve(result);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      const { features, frames, kind, withinMs } = request;
      emit({ type: "window", window, features, frames, kind, id, withinMs, hotWords }, [features.buffer]);
    });
  }

  function receive(message: ToAudioThread): void {
    switch (message.type) {
      case "init":
        settings = message.settings;
        return;
      case "window_done":
        windows.get(message.window)?.resolve(message.result);
        windows.delete(message.window);
        return;
      case "window_failed":
        windows.get(message.window)?.reject(failureToError(message.failure));
        windows.delete(message.window);
        return;
      case "file_open":
        void openFile(message.id, message.options);
        return;
      case "file_data":
        files.get(message.id)?.give(message.bytes);
        return;
      case "file_ack":
        files.get(message.id)?.acknowledge();
        return;
      case "file_hold":
        files.get(message.id)?.hold(message.isHeld);
        return;
      case "file_abort":
        files.get(message.id)?.abort();
        return;
      case "stream_open":
        openStream(message.id, message);
        return;
      case "stream_data":
        streams.get(message.id)?.write(message.bytes);
        return;
      case "stream_configure":
        streams.get(message.id)?.configure(message.options);
        return;
      case "stream_end":
        void endStream(message.id);
        return;
      case "stream_abort":
        streams.get(message.id)?.abort();
        streams.delete(message.id);
        return;
      case "ping":
        emit({ type: "pong", id: message.id });
        return;
    }
  }

  async function openFile(id: number, options: FileOptions): Promise<void> {
    const entry = createFileEntry(() => emit({ type: "file_pull", id }));
    files.set(id, entry);
    try {
      const transcripts = await runFileJob({
        bytes: entry.bytes,
        options,
        settings: settings!,
        reader: readerFor(id, options.hotWords),
        signal: entry.signal,
        mayGoOn: entry.mayGoOn,
        onProgress: (doneS, totalS) => emit({ type: "progress", id, doneS, totalS }),
        onReading: (reading) => {
          if (options.wantsReadings) emit({ type: "reading", id, reading });
        },
        onHypothesis: (hypothesis) => {
          emit({ type: "hypothesis", id, hypothesis });
          return entry.acknowledged();
        },
      });
      emit({ type: "file_done", id, transcripts });
    } catch (error) {
      emit({ type: "file_failed", id, failure: errorToFailure(error, "transcription_error") });
    } finally {
      files.delete(id);
    }
  }

  function openStream(id: number, { options }: Extract<ToAudioThread, { type: "stream_open" }>): void {
    let told = -1;
    const session = createLiveSession({
      options,
      settings: settings!,
      reader: readerFor(id, options.hotWords),
      onHypothesis: (hypothesis) => emit({ type: "hypothesis", id, hypothesis }),
      onSpeech: () => emit({ type: "stream_speech", id }),
      onUtterance: (event) => emit({ type: "stream_utterance", id, event }),
      onError: (error) => emit({ type: "stream_error", id, failure: errorToFailure(error, "inference_error") }),
      onCovered: (coveredMs) => {
        // Half a second is exact enough for back-pressure and keeps silence quiet on the message port.
        if (coveredMs - told < 500 && coveredMs >= told) return;
        told = coveredMs;
        emit({ type: "stream_covered", id, coveredMs });
      },
    });
    const onError = (error: unknown): void =>
      emit({ type: "stream_error", id, failure: errorToFailure(error, "inference_error") });
    streams.set(id, queueStream(session, turns, onError));
  }

  async function endStream(id: number): Promise<void> {
    try {
      await streams.get(id)?.end();
    } catch (error) {
      emit({ type: "stream_error", id, failure: errorToFailure(error, "inference_error") });
    }
    streams.delete(id);
    emit({ type: "stream_done", id });
  }

  return { receive };
}

// ---

interface FileEntry {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
  give(bytes: Uint8Array | undefined): void;
  acknowledge(): void;
  acknowledged(): Promise<void>;
  hold(isHeld: boolean): void;
  mayGoOn(): Promise<void> | undefined;
  abort(): void;
}

/** The body of a file job, pulled chunk by chunk from the main thread. */
function createFileEntry(pull: () => void): FileEntry {
  const controller = new AbortController();
  let waiting: ((bytes: Uint8Array | undefined) => void) | undefined;
  /** Channels on their own speak at once: one for each hypothesis that is on its way. */
  const unacknowledged: (() => void)[] = [];
  let held: { readonly over: Promise<void>; readonly end: () => void } | undefined;
  const hold = (isHeld: boolean): void => {
    if (isHeld && !controller.signal.aborted) held ??= pending();
    if (isHeld) return;
    held?.end();
    held = undefined;
  };
  async function* read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      controller.signal.throwIfAborted();
      const bytes = await new Promise<Uint8Array | undefined>((resolve) => {
        waiting = resolve;
        pull();
      });
      controller.signal.throwIfAborted();
      if (!bytes) return;
      yield bytes;
    }
  }
  return {
    bytes: read(),
    signal: controller.signal,
    give: (bytes) => waiting?.(bytes),
    acknowledge: () => unacknowledged.shift()?.(),
    acknowledged: () =>
      new Promise((resolve) => {
        if (controller.signal.aborted) resolve();
        else unacknowledged.push(resolve);
      }),
    hold,
    mayGoOn: () => held?.over,
    abort() {
      controller.abort(new Error("the request was aborted"));
      hold(false);
      waiting?.(undefined);
      for (const resolve of unacknowledged.splice(0)) resolve();
    },
  };
}

function pending(): { readonly over: Promise<void>; readonly end: () => void } {
  let end = (): void => {};
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { over, end };
}
