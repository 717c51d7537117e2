import type { Clock } from "../../shared/time/clock.ts";
import { WireError } from "../../shared/errors.ts";
import { createFairQueue } from "./fair-queue.ts";
import { POLL_MS, countSessions, createRefusals } from "./refusals.ts";
import type { Request, SlotLimits } from "./refusals.ts";
import { createServiceTimes } from "./service-times.ts";
import type { WorkKind } from "./service-times.ts";
import { chooseLender, countByClient } from "./shares.ts";
import { setInterval, setTimeout } from "../../shared/time/timers.ts";

/** The right to do one piece of work. Releasing twice is harmless. */
export interface Slot {
  release(): void;
}

export interface AcquireOptions {
  /** Key of the client's address, for fairness. */
  readonly client: string;
  readonly kind: WorkKind;
  /** Ends the first wait: the client is gone. Rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** Longest wait for a slot, milliseconds. Default `checkoutTimeout`. */
  readonly waitMs?: number;
  /** Why it may not run beside so many live sessions, even if a slot is free, a sentence; undefined when it may. */
  readonly blockedBy?: (sessions: number) => string | undefined;
  /** The slot is lent to another client: the work stops until `onResume`, in its turn. */
  readonly onSuspend: () => void;
  readonly onResume: () => void;
  /** Sessions only: it waited `checkoutTimeout` to go on, its slot is gone. */
  readonly onLost?: (error: WireError) => void;
}

/**
 * Admission: `pool.size` slots and a bounded, fair queue behind them. Nothing is decoded or recognised for work that holds no slot. Slots
 * are shared: while other clients wait, a client keeps no more than its share of them, even if it came first.
 */
export interface Admission {
  /** Rejects with `queue_full`, `timeout`, `shutting_down` (new work) or `pool_closed` (work that was waiting). */
  acquire(options: AcquireOptions): Promise<Slot>;
  /** What `acquire` of a file would throw at once, or undefined: lets a route refuse before it reads a body. */
  refusal(client: string, waitMs?: number): WireError | undefined;
  readonly available: number;
  readonly total: number;
  /** Work that waits for a slot, for the first time or to go on. */
  readonly waiters: number;
  /** A newcomer would be refused: every slot is held and the queue is full. */
  readonly queueIsFull: boolean;
  /** Grants what a larger pool has room for. */
  rebalance(): void;
  /** Refuses new work and dismisses those who wait for the first time. */
  close(): void;
  /** Resolves when no slot is held and no suspended work waits. */
  whenIdle(): Promise<void>;
  readonly events: AdmissionEvents;
}

/** Hooks for metrics. */
export interface AdmissionEvents {
  onCheckout?: (waitedMs: number) => void;
  onTimeout?: () => void;
  onSuspend?: (kind: WorkKind) => void;
  /** The machine does not keep up with one more live session. */
  onLiveRefused?: (reason: string) => void;
}

interface Claim extends Request {
  stays: boolean;
  sinceMs: number;
  heldMs: number;
  /** The wait ended with a slot. */
  readonly begin: () => void;
  /** The wait ended without one. */
  readonly refuse: (error: unknown) => void;
  readonly suspend: () => void;
}

export function createAdmission(limits: () => SlotLimits, clock: Clock): Admission {
  const held = new Set<Claim>();
  const queue = createFairQueue<Claim>();
  const times = createServiceTimes();
  const events: AdmissionEvents = {};
  const refusals = createRefusals({
    limits,
    clock,
    held,
    queue,
    times,
    onLive: (reason) => events.onLiveRefused?.(reason),
  });
  let closed = false;
  let suspended = 0;
  let idleListeners: (() => void)[] = [];
  /** Runs while work waits: turns end, and what the machine keeps up with changes without anyone leaving. */
  let poll: NodeJS.Timeout | undefined;

  const queueLimit = (): number => limits().queue + suspended;
  const rank = (): ((client: string) => number) => {
    const counts = countByClient(held);
    return (client) => counts.get(client) ?? 0;
  };
  /** Undefined: a slot is free. A claim: it has to lend its slot. */
  const slotFor = ({ client, blockedBy }: Pick<Claim, "client" | "blockedBy">): Claim | "wait" | undefined => {
    if (held.size > limits().size) return "wait";
    const isBlocked = blockedBy(countSessions(held)) !== undefined;
    if (!isBlocked && held.size < limits().size) return undefined;
    // What the machine keeps up with is shared like the slots.
    const lenders = isBlocked ? [...held].filter(({ kind }) => kind === "session") : held;
    return chooseLender(lenders, client, clock.monotonicMs()) ?? "wait";
  };
  const nextClaim = (): Claim | undefined => queue.first((claim) => slotFor(claim) !== "wait", rank());
  const start = (claim: Claim): void => {
    const lender = slotFor(claim);
    if (typeof lender === "object") lender.suspend();
    claim.begin();
  };

  const grantFree = (): void => {
    for (let next = nextClaim(); next !== undefined; next = nextClaim()) {
      queue.served(next);
      start(next);
    }
    if (queue.length > 0) poll ??= setInterval(grantFree, POLL_MS);
    else {
      clearInterval(poll);
      poll = undefined;
    }
    if (held.size > 0 || suspended > 0) return;
    for (const listener of idleListeners) listener();
    idleListeners = [];
  };

  // --- claims

  const hold = (claim: Claim): void => {
    const nowMs = clock.monotonicMs();
    events.onCheckout?.(nowMs - claim.sinceMs);
    claim.sinceMs = nowMs;
    held.add(claim);
  };

  /** @param settle what the first wait comes to */
  const createClaim = (
    { client, kind, signal, waitMs, blockedBy = () => undefined, onSuspend, onResume, onLost }: AcquireOptions,
    settle: { resolve(slot: Slot): void; reject(error: unknown): void },
  ): Claim => {
    let timer: NodeJS.Timeout | undefined;
    const onAbort = (): void => {
      if (queue.leave(claim)) claim.refuse(signal.reason);
    };
    const endWait = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      if (claim.stays) suspended--;
      claim.stays = false;
    };
    const startWait = (isBounded: boolean): void => {
      claim.sinceMs = clock.monotonicMs();
      if (!isBounded) return;
      timer = setTimeout(() => {
        if (!queue.leave(claim)) return;
        events.onTimeout?.();
        claim.refuse(refusals.timeout(claim));
        grantFree();
      }, claim.waitMs);
    };
    const slot: Slot = {
      release: () => {
        if (held.delete(claim)) times.record(kind, claim.heldMs + clock.monotonicMs() - claim.sinceMs);
        else if (queue.leave(claim)) endWait();
        else return;
        grantFree();
      },
    };
    const claim: Claim = {
      client,
      kind,
      stays: false,
      sinceMs: clock.monotonicMs(),
      heldMs: 0,
      waitMs: waitMs ?? limits().checkoutTimeoutMs,
      blockedBy,
      begin: () => {
        const resumes = claim.stays;
        endWait();
        hold(claim);
        if (resumes) onResume();
        else settle.resolve(slot);
      },
      refuse: (error) => {
        const wasSuspended = claim.stays;
        endWait();
        if (!wasSuspended) settle.reject(error);
        else onLost?.(error as WireError); // only its timeout refuses suspended work
      },
      suspend: () => {
        held.delete(claim);
        claim.heldMs += clock.monotonicMs() - claim.sinceMs;
        claim.stays = true;
        suspended++;
        queue.rejoin(claim);
        // A file goes on in its turn, and its request has a budget of its own. A session's client cannot wait for long.
        startWait(kind === "session");
        events.onSuspend?.(kind);
        onSuspend();
      },
    };
    startWait(true);
    signal.addEventListener("abort", onAbort, { once: true });
    return claim;
  };

  const shuttingDown = (): WireError => new WireError("shutting_down", "the server is shutting down");

  const mayEnter = (work: Pick<Claim, "client" | "blockedBy">): boolean =>
    nextClaim() === undefined && slotFor(work) !== "wait";

  return {
    acquire: (options) => {
      if (options.signal.aborted) return Promise.reject(options.signal.reason);
      if (closed) return Promise.reject(shuttingDown());
      return new Promise<Slot>((resolve, reject) => {
        const claim = createClaim(options, { resolve, reject });
        if (mayEnter(claim)) return start(claim);
        const joined = queue.join(claim, queueLimit());
        if (joined === "full") claim.refuse(refusals.full(claim));
        else joined?.refuse(refusals.full(joined));
        grantFree();
      });
    },
    refusal: (client, waitMs = limits().checkoutTimeoutMs) => {
      if (closed) return shuttingDown();
      const isWelcome = mayEnter({ client, blockedBy: () => undefined }) || queue.hasRoomFor(client, queueLimit());
      return isWelcome ? undefined : refusals.full({ client, kind: "file", waitMs });
    },
    get available() {
      return Math.max(0, limits().size - held.size);
    },
    get total() {
      return limits().size;
    },
    get waiters() {
      return queue.length;
    },
    get queueIsFull() {
      return held.size >= limits().size && queue.length >= queueLimit();
    },
    rebalance: grantFree,
    close: () => {
      closed = true;
      for (const claim of queue.clear((waiting) => !waiting.stays)) {
        claim.refuse(new WireError("pool_closed", "the server is shutting down; this request was still waiting"));
      }
      grantFree();
    },
    whenIdle: () =>
      held.size === 0 && suspended === 0
        ? Promise.resolve()
        : new Promise<void>((resolve) => idleListeners.push(resolve)),
    events,
  };
}
