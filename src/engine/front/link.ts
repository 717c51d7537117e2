import { Worker } from "node:worker_threads";
import { entryFile } from "../../shared/entry.ts";
import { messageOf } from "../../shared/errors.ts";
import { createFrontCore } from "./core.ts";
import type { FromFront, ToFront } from "./protocol.ts";

export type SendToFront = (message: ToFront, transfer?: ArrayBufferLike[]) => void;

/** A front on the other end of a message channel. */
export interface FrontLink {
  readonly send: SendToFront;
  /** Ends the front; what it was doing is gone. */
  close(): Promise<void>;
}

export type OpenFront = (onMessage: (message: FromFront) => void, onLost: (reason: string) => void) => FrontLink;

/**
 * A front in a worker thread of its own.
 * @param niceness how far the thread gives way to others, 0..19
 */
export function openWorkerFront(name: string, niceness: number): OpenFront {
  return (onMessage, onLost) => {
    // Float arrays live outside the heap: a small nursery keeps the thread small and costs nothing measurable.
    const worker = new Worker(entryFile("engine/front"), {
      name,
      workerData: niceness,
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

/** A front in this thread: no isolation, no copy. For the fake engine. */
export function openLocalFront(): OpenFront {
  return (onMessage) => {
    let closed = false;
    const core = createFrontCore((message) => {
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
