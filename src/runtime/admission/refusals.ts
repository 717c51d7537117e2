import type { PoolConfig } from "../../config/types.ts";
import type { Clock } from "../../shared/time/clock.ts";
import { WireError } from "../../shared/errors.ts";
import type { FairQueue, Member } from "./fair-queue.ts";
import { forecast } from "./forecast.ts";
import type { Outlook, Pending } from "./forecast.ts";
import type { ServiceTimes, WorkKind } from "./service-times.ts";
import type { Holding } from "./shares.ts";

/** Work that waits for a slot or holds one. */
export interface Request extends Member, Holding {
  /** It was suspended: it held a slot before. */
  readonly stays: boolean;
  /** When its present wait or its present hold began. */
  readonly sinceMs: number;
  /** Time of its earlier holds. */
  readonly heldMs: number;
  /** Longest wait, milliseconds. */
  readonly waitMs: number;
  readonly blockedBy: (sessions: number) => string | undefined;
}

export type SlotLimits = Pick<PoolConfig, "size" | "queue" | "checkoutTimeoutMs">;

/** Refusals with a realistic hint: when to retry. */
export interface Refusals {
  /** It waited as long as a client waits. */
  timeout(work: Request): WireError;
  /** The queue has no place for one more of this client. */
  full(work: Pick<Request, "client" | "kind" | "waitMs">): WireError;
}

export interface RefusalsOptions {
  readonly limits: () => SlotLimits;
  readonly clock: Clock;
  readonly held: ReadonlySet<Request>;
  readonly queue: FairQueue<Request>;
  readonly times: ServiceTimes;
  /** The machine does not keep up with one more live session. */
  readonly onLive: (reason: string) => void;
}

export function createRefusals({ limits, clock, held, queue, times, onLive }: RefusalsOptions): Refusals {
  const pending = (claim: Pick<Request, "client" | "kind" | "heldMs" | "sinceMs" | "stays">): Pending => ({
    client: claim.client,
    kind: claim.kind,
    sinceMs: claim.sinceMs,
    isNew: !claim.stays,
    leftMs: times.remainingMs(claim.kind, claim.heldMs),
  });

  const outlook = (client: string, kind: WorkKind): Outlook => {
    const nowMs = clock.monotonicMs();
    const running = Array.from(held, (claim) => {
      const heldMs = nowMs - claim.sinceMs;
      return { ...pending(claim), leftMs: heldMs + times.remainingMs(claim.kind, claim.heldMs + heldMs) };
    });
    const waiting = Array.from(queue.lines(), (line) => line.map(pending));
    const newcomer = pending({ client, kind, heldMs: 0, sinceMs: nowMs, stays: false });
    return forecast({ size: limits().size, places: limits().queue, nowMs, held: running, waiting }, newcomer);
  };

  /** Room comes when a session falls silent; without one it is the machine's other work that is in the way. */
  const liveError = (reason: string): WireError => {
    onLive(reason);
    const nowMs = clock.monotonicMs();
    const sessions = [...held].filter((work) => work.kind === "session");
    const freeInMs = sessions.map((work) => times.remainingMs("session", nowMs - work.sinceMs));
    return new WireError("timeout", `no capacity for another live session: ${reason}; try again after the time given`, {
      retryAfterMs: Math.max(1000, freeInMs.length === 0 ? OVERLOAD_HINT_MS : Math.min(...freeInMs)),
    });
  };

  const timeout = (claim: Request): WireError => {
    const reason = held.size < limits().size ? claim.blockedBy(countSessions(held)) : undefined;
    if (reason !== undefined) return liveError(reason);
    return new WireError(
      "timeout",
      `no slot became free within ${claim.waitMs / 1000} s; try again after the time given`,
      {
        retryAfterMs: Math.max(1000, outlook(claim.client, claim.kind).servedMs),
      },
    );
  };

  // A newcomer that finds a place may wait: the hint is the moment from which its wait is expected to suffice.
  const full: Refusals["full"] = ({ client, kind, waitMs }) => {
    const { placeMs, servedMs } = outlook(client, kind);
    return new WireError("queue_full", `the queue is full (${limits().queue}); try again after the time given`, {
      retryAfterMs: Math.max(1000, placeMs * MARGIN + POLL_MS, servedMs - waitMs),
    });
  };

  return { timeout, full };
}

/** Live sessions among them. */
export function countSessions(held: Iterable<Request>): number {
  let count = 0;
  for (const { kind } of held) if (kind === "session") count++;
  return count;
}

// ---

/** How often the admission looks whether a turn is over. */
export const POLL_MS = 250;
/** A client that comes back a moment before the place is free asks once more. */
const MARGIN = 1.1;
/** The engine's own memory of an overload. */
const OVERLOAD_HINT_MS = 10_000;
