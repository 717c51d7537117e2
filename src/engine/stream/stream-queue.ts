import { createTurns } from "../../shared/time/turns.ts";
import type { Turns } from "../../shared/time/turns.ts";
import type { EndpointOptions } from "../contract.ts";
import type { LiveSession } from "./live-session.ts";

/** The turns of all streams of a thread. */
export interface StreamTurns {
  /** Streams whose audio comes as it is spoken. */
  readonly live: Turns;
  /** Streams that are far ahead: at most half of the thread is theirs. */
  readonly ahead: Turns;
}

export function createStreamTurns(): StreamTurns {
  return { live: createTurns(), ahead: createTurns(BUDGET_MS, undefined, BUDGET_MS) };
}

/**
 * Audio of one stream on its way into its session, in turn with that of other streams: a client that sends minutes at once delays the
 * others by one piece.
 *
 * @param onError a write failed
 */
export function queueStream(session: LiveSession, turns: StreamTurns, onError: (error: unknown) => void): LiveSession {
  let waiting: (Uint8Array | EndpointOptions)[] = [];
  let isAsked = false;
  let onDrained: (() => void) | undefined;

  const goOn = (): void => {
    if (waiting.length === 0) return onDrained?.();
    if (isAsked) return;
    isAsked = true;
    (waiting.length > AHEAD_PIECES ? turns.ahead : turns.live).ask(serve);
  };
  const serve = (): void => {
    isAsked = false;
    const piece = waiting.shift();
    try {
      if (piece instanceof Uint8Array) session.write(piece);
      else if (piece !== undefined) session.configure(piece);
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
    configure: (options) => {
      waiting.push(options);
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

const BUDGET_MS = 4;
/** 85 ms at 48 kHz: about a millisecond of work. */
const PIECE_BYTES = 8 * 1024;
/** A client that sends what it hears is never so far ahead: a second at 48 kHz. */
const AHEAD_PIECES = 12;
