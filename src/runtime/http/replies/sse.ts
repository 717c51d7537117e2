import { WireError } from "../../../shared/errors.ts";
import { setTimeout } from "../../../shared/time/timers.ts";

export const SSE_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream; charset=utf-8",
  // no-transform: a proxy that compresses would buffer events.
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};

/** A `text/event-stream` body under construction. */
export interface EventStream {
  readonly body: ReadableStream<Uint8Array>;
  /** Sends one event, with the id that a client names to continue behind it. Resolves when the client has room for more; rejects when it reads nothing for too long or is gone. */
  send(event: unknown, id?: string): Promise<void>;
  end(): void;
  /** True after the client cancelled the stream. */
  readonly cancelled: boolean;
}

/**
 * @param options.bufferBytes events the client has not read yet, before `send` starts to wait
 * @param options.stallMs longest such wait
 * @param options.pingMs a comment line after this long without an event, so that no proxy's idle timer fires
 */
export function createEventStream(options: { bufferBytes: number; stallMs: number; pingMs: number }): EventStream {
  const encoder = new TextEncoder();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let cancelled = false;
  let onRoom = (): void => {};
  let pingTimer: NodeJS.Timeout | undefined;

  const stop = (): void => {
    clearTimeout(pingTimer);
    controller = undefined;
    onRoom();
  };
  const body = new ReadableStream<Uint8Array>(
    {
      start: (given) => {
        controller = given;
      },
      pull: () => onRoom(),
      cancel: () => {
        cancelled = true;
        stop();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: options.bufferBytes }),
  );
  const hasRoom = (): boolean => controller === undefined || (controller.desiredSize ?? 0) > 0;
  const ping = (): void => {
    // A client that reads nothing gets no further pings either: they would only pile up.
    if (hasRoom()) controller?.enqueue(encoder.encode(": ping\n\n"));
    armPing();
  };
  const armPing = (): void => {
    clearTimeout(pingTimer);
    if (controller !== undefined) pingTimer = setTimeout(ping, options.pingMs);
  };
  armPing();

  return {
    body,
    get cancelled() {
      return cancelled;
    },
    send: async (event, id) => {
      const named = id === undefined ? "" : `id: ${id}\n`;
      controller?.enqueue(encoder.encode(`${named}data: ${JSON.stringify(event)}\n\n`));
      armPing();
      if (hasRoom()) return;
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          onRoom = () => {};
          reject(new WireError("policy_violation", "the client stopped reading the event stream"));
        }, options.stallMs);
        onRoom = () => {
          if (!hasRoom()) return;
          clearTimeout(timer);
          onRoom = () => {};
          resolve();
        };
      });
    },
    end: () => {
      const open = controller;
      stop();
      open?.close();
    },
  };
}
