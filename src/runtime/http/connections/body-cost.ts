import type { IncomingMessage } from "node:http";
import { WireError } from "../../../shared/errors.ts";

/** Thread time that reading a byte may take while its client owes some: 20 ms a MiB. Audio in chunks of 64 KiB takes 1 ms, in chunks of 1 KiB 5 ms. */
const MS_PER_BYTE = 20 / 2 ** 20;
/** One portion counts for no more: the time of a busy machine, or of a garbage collection, is not the client's. */
const MOST_MS_PER_PORTION = 0.5;
/** Longer than that in all: the body is refused. */
const MOST_EXCESS_MS = 20;

/**
 * Finds bodies that cost far more thread time than their bytes are worth (one byte to a chunk), while their client owes thread time. Slowing
 * them down is not enough: a client that leaves is only noticed behind everything it has sent, and its upload would hold memory until then.
 */
export interface BodyCost {
  /** Counts a portion of the body; returns the refusal when that makes it too costly. */
  count(req: IncomingMessage, bytes: number, tookMs: number): WireError | undefined;
}

export function createBodyCost(): BodyCost {
  const excessMs = new WeakMap<IncomingMessage, number>();
  return {
    count: (req, bytes, tookMs) => {
      const counted = Math.min(tookMs, MOST_MS_PER_PORTION) - bytes * MS_PER_BYTE;
      const sum = Math.max(0, (excessMs.get(req) ?? 0) + counted);
      excessMs.set(req, sum);
      return sum > MOST_EXCESS_MS ? tooCostly() : undefined;
    },
  };
}

function tooCostly(): WireError {
  return new WireError("bad_request", "the body arrives in too many very small chunks; send chunks of 1 KiB or more");
}
