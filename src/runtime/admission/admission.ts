import type { PoolConfig } from "../../config/types.ts";
import type { Clock } from "../../shared/clock.ts";
import { WireError } from "../../shared/errors.ts";
import { createFairQueue } from "./fair-queue.ts";
import type { Waiter } from "./fair-queue.ts";
import type { LiveRoom } from "./live-room.ts";
import { createServiceTimes, expectedWaitMs } from "./service-times.ts";
import type { WorkKind } from "./service-times.ts";
import { setInterval, setTimeout } from "../../shared/timers.ts";

/** The right to do one piece of work. Releasing twice is harmless. */
export interface Slot {
  /** A session's first audio has come. Undefined when it may go on, else the refusal: it waited so long that others took its room. */
  speak(): WireError | undefined;
  release(): void;
}

export interface AcquireOptions {
  /** Key of the client's address, for fairness. */
  readonly client: string;
  readonly kind: WorkKind;
  /** Ends the wait: the client is gone. Rejects with the signal's reason. */
  readonly signal: AbortSignal;
}

/**
 * Admission: `pool.size` slots and a bounded, fair waiting line behind them. Nothing is decoded or allocated for work that holds no slot.
 * A live session needs more than a slot: a machine that keeps up with it in real time. One that waits for that holds up no file behind it.
 */
export interface Admission {
  /** Rejects with `queue_full`, `timeout`, `shutting_down` (new work) or `pool_closed` (work that was waiting). */
  acquire(options: AcquireOptions): Promise<Slot>;
  /** What `acquire` of a file would throw at once, or undefined: lets a route refuse before it reads a body. */
  refusal(client: string): WireError | undefined;
  readonly available: number;
  readonly total: number;
  readonly waiters: number;
  readonly lineIsFull: boolean;
  /** Grants what a larger pool has room for. */
  rebalance(): void;
  /** Refuses new work and dismisses those who wait. */
  close(): void;
  /** Resolves when no slot is held. */
  whenIdle(): Promise<void>;
  readonly events: AdmissionEvents;
}

/** Hooks for metrics. */
export interface AdmissionEvents {
  onCheckout?: (waitedMs: number) => void;
  onTimeout?: () => void;
  /** The machine does not keep up with one more live session. */
  onLiveRefused?: (reason: string) => void;
}

interface Waiting extends Waiter {
  readonly kind: WorkKind;
  readonly sinceMs: number;
  readonly grant: () => void;
  readonly refuse: (error: unknown) => void;
}

interface Held {
  readonly kind: WorkKind;
  readonly sinceMs: number;
}

export function createAdmission(limits: () => PoolConfig, clock: Clock, live: LiveRoom): Admission {
  const held = new Set<Held>();
  const line = createFairQueue<Waiting>();
  const times = createServiceTimes();
  const events: AdmissionEvents = {};
  const waiting: Record<WorkKind, number> = { file: 0, session: 0 };
  let closed = false;
  let idleListeners: (() => void)[] = [];
  /** Only runs while a session waits: what the machine keeps up with changes without anybody leaving. */
  let roomTimer: NodeJS.Timeout | undefined;

  const isGrantable = ({ kind }: { readonly kind: WorkKind }): boolean =>
    held.size < limits().size && (kind === "file" || live.refusal() === undefined);

  const grantFree = (): void => {
    while (held.size < limits().size) {
      const next = line.next(isGrantable);
      if (next === undefined) break;
      next.grant();
    }
  };

  const countWaiting = (kind: WorkKind, change: 1 | -1): void => {
    waiting[kind] += change;
    if (waiting.session > 0) roomTimer ??= setInterval(grantFree, ROOM_POLL_MS);
    else {
      clearInterval(roomTimer);
      roomTimer = undefined;
    }
  };

  const take = (kind: WorkKind, waitedMs: number): Slot => {
    const entry: Held = { kind, sinceMs: clock.monotonicMs() };
    held.add(entry);
    const place = kind === "session" ? live.reserve() : undefined;
    events.onCheckout?.(waitedMs);
    return {
      speak: () => {
        const reason = place?.speak();
        return reason === undefined ? undefined : liveError(reason);
      },
      release: () => {
        if (!held.delete(entry)) return;
        place?.leave();
        times.record(kind, clock.monotonicMs() - entry.sinceMs);
        grantFree();
        if (held.size === 0) {
          for (const listener of idleListeners) listener();
          idleListeners = [];
        }
      },
    };
  };

  /** Expected time until somebody with `ahead` waiters before him gets a slot. */
  const expectWaitMs = (ahead: number): number => {
    const nowMs = clock.monotonicMs();
    const freeInMs = [...held].map((work) => times.remainingMs(work.kind, nowMs - work.sinceMs));
    while (freeInMs.length < limits().size) freeInMs.push(0);
    const sessions = waiting.session / Math.max(1, waiting.session + waiting.file);
    const meanMs = sessions * times.meanMs("session") + (1 - sessions) * times.meanMs("file");
    return expectedWaitMs(freeInMs, ahead, meanMs);
  };

  /** Room comes when a session ends; without one it is the machine's other work that is in the way. */
  const liveError = (reason: string): WireError => {
    events.onLiveRefused?.(reason);
    const nowMs = clock.monotonicMs();
    const sessions = [...held].filter((work) => work.kind === "session");
    const freeInMs = sessions.map((work) => times.remainingMs("session", nowMs - work.sinceMs));
    return new WireError("timeout", `no room for one more live session: ${reason}; try again after the time given`, {
      retryAfterMs: Math.max(1000, freeInMs.length === 0 ? OVERLOAD_HINT_MS : Math.min(...freeInMs)),
    });
  };

  const timeoutError = (kind: WorkKind): WireError => {
    const reason = kind === "session" && held.size < limits().size ? live.refusal() : undefined;
    return reason === undefined ? slotError() : liveError(reason);
  };

  const slotError = (): WireError =>
    new WireError(
      "timeout",
      `no slot became free within ${limits().checkoutTimeoutMs / 1000} s; try again after the time given`,
      { retryAfterMs: Math.max(1000, expectWaitMs(line.length)) },
    );

  // A newcomer that finds room may wait for checkoutTimeout: the hint is the moment from which that wait is expected to suffice.
  const fullError = (): WireError =>
    new WireError("queue_full", `the waiting line is full (${limits().queue}); try again after the time given`, {
      retryAfterMs: Math.max(1000, expectWaitMs(0), expectWaitMs(line.length) - limits().checkoutTimeoutMs),
    });

  const refusal = (client: string): WireError | undefined => {
    if (closed) return new WireError("shutting_down", "the server is shutting down");
    if (isGrantable({ kind: "file" }) && !line.has(isGrantable)) return undefined;
    return line.hasRoomFor(client, limits().queue) ? undefined : fullError();
  };

  return {
    acquire: (options) => {
      if (options.signal.aborted) return Promise.reject(options.signal.reason);
      if (closed) return Promise.reject(new WireError("shutting_down", "the server is shutting down"));
      if (isGrantable(options) && !line.has(isGrantable)) return Promise.resolve(take(options.kind, 0));
      return new Promise<Slot>((resolve, reject) => {
        countWaiting(options.kind, 1);
        const end = (): void => {
          countWaiting(options.kind, -1);
          clearTimeout(timer);
          options.signal.removeEventListener("abort", onAbort);
        };
        const waiter: Waiting = {
          client: options.client,
          kind: options.kind,
          sinceMs: clock.monotonicMs(),
          grant: () => {
            end();
            resolve(take(options.kind, clock.monotonicMs() - waiter.sinceMs));
          },
          refuse: (error) => {
            end();
            reject(error);
          },
        };
        const onAbort = (): void => {
          if (line.leave(waiter)) waiter.refuse(options.signal.reason);
        };
        const timer = setTimeout(() => {
          if (!line.leave(waiter)) return;
          events.onTimeout?.();
          waiter.refuse(timeoutError(options.kind));
        }, limits().checkoutTimeoutMs);
        options.signal.addEventListener("abort", onAbort, { once: true });
        const joined = line.join(waiter, limits().queue);
        if (joined === "full") waiter.refuse(fullError());
        else joined?.refuse(fullError());
        grantFree();
      });
    },
    refusal,
    get available() {
      return Math.max(0, limits().size - held.size);
    },
    get total() {
      return limits().size;
    },
    get waiters() {
      return line.length;
    },
    get lineIsFull() {
      return held.size >= limits().size && line.length >= limits().queue;
    },
    rebalance: grantFree,
    close: () => {
      closed = true;
      for (const waiter of line.clear()) {
        waiter.refuse(new WireError("pool_closed", "the server is shutting down; this request was still waiting"));
      }
    },
    whenIdle: () => (held.size === 0 ? Promise.resolve() : new Promise<void>((resolve) => idleListeners.push(resolve))),
    events,
  };
}

// ---

const ROOM_POLL_MS = 250;
/** The engine's own memory of an overload. */
const OVERLOAD_HINT_MS = 10_000;
