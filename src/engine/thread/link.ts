import { Worker } from "node:worker_threads";
import { entryFile } from "../../shared/process/entry.ts";
import { messageOf } from "../../shared/errors.ts";
import { createAudioThread } from "./audio-thread.ts";
import type { FromAudioThread, ToAudioThread } from "./protocol.ts";
import type { AudioPath } from "./warm-up.ts";

export type SendToAudioThread = (message: ToAudioThread, transfer?: ArrayBufferLike[]) => void;

/** An audio thread on the other end of a message channel. */
export interface AudioThreadLink {
  readonly send: SendToAudioThread;
  /** Ends the thread; what it was doing is gone. */
  close(): Promise<void>;
}

export type OpenAudioThread = (
  onMessage: (message: FromAudioThread) => void,
  onLost: (reason: string) => void,
) => AudioThreadLink;

/** What the program of an audio thread is given. */
export interface AudioThreadData {
  readonly path: AudioPath;
  /** How far the thread gives way to others, 0..19. */
  readonly niceness: number;
}

/** An audio thread in a worker of its own. */
export function openWorkerThread(data: AudioThreadData): OpenAudioThread {
  return (onMessage, onLost) => {
    // Float arrays live outside the heap: a small nursery keeps the thread small and costs nothing measurable.
    const worker = new Worker(entryFile("engine/audio-main"), {
      name: `gigastt-${data.path}`,
      workerData: data,
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    let closing = false;
    let reason: string | undefined;
    worker.on("message", onMessage);
    worker.on("error", (error: unknown) => {
      reason = messageOf(error);
    });
    worker.on("exit", (code) => {
      if (!closing) onLost(reason ?? `the thread ended with code ${code}`);
    });
    return {
      send: (message, transfer = []) =>
        worker.postMessage(
          message,
          transfer.filter((buffer) => buffer instanceof ArrayBuffer),
        ),
      async close() {
        closing = true;
        await worker.terminate();
      },
    };
  };
}

/** The same in the calling thread: no isolation, no copy. For the fake engine. */
export function openLocalThread(): OpenAudioThread {
  return (onMessage) => {
    let closed = false;
    const core = createAudioThread((message) => {
      // Messages arrive in a later turn, as they would from a thread.
      setImmediate(() => {
        if (!closed) onMessage(message);
      });
    });
    return {
      send: (message) =>
        void setImmediate(() => {
          if (!closed) core.receive(message);
        }),
      close: () => {
        closed = true;
        return Promise.resolve();
      },
    };
  };
}
