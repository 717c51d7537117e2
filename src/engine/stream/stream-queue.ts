import type { Turns } from "../../shared/turns.ts";
import type { LiveSession } from "./live-session.ts";

/**
 * Audio of one stream on its way into its session, in turn with that of other streams: a client that sends minutes at once delays the
 * others by one piece.
 *
 * @param onError a write failed
 */
export function queueStream(session: LiveSession, turns: Turns, onError: (error: unknown) => void): LiveSession {
  let waiting: Uint8Array[] = [];
  let isAsked = false;
  let onDrained: (() => void) | undefined;

  const goOn = (): void => {
    if (waiting.length === 0) return onDrained?.();
    if (isAsked) return;
    isAsked = true;
    turns.ask(serve);
  };
  const serve = (): void => {
    isAsked = false;
    const piece = waiting.shift();
    try {
      if (piece !== undefined) session.write(piece);
    } catch (error) {
      onError(error);
    }
    goOn();
  };

  return {
    write: (pcm) => {
      for (let at = 0; at < pcm.length; at += PIECE_BYTES) waiting.push(pcm.subarray(at, at + PIECE_BYTES));
      goOn();
    },
    end: async () => {
      if (waiting.length > 0 || isAsked) {
        await new Promise<void>((resolve) => {
          onDrained = resolve;
        });
      }
      await session.end();
    },
    abort: () => {
      waiting = [];
      session.abort();
      onDrained?.();
    },
  };
}

// ---

/** A third of a second at 48 kHz: a few milliseconds of work. */
const PIECE_BYTES = 32 * 1024;
