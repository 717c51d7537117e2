import type { PoolConfig } from "../../config/types.ts";
import { WireError } from "../../shared/errors.ts";
import { createFairQueue } from "../admission/fair-queue.ts";
import type { Member } from "../admission/fair-queue.ts";
import { createServiceTimes } from "../admission/service-times.ts";

/** One WebSocket session: `open` → `ending` (last final) → `closed`. */
export interface Session extends Member {
  readonly requestId: string;
  readonly phase: "open" | "ending" | "closed";
  /** The socket is paused on purpose: it cannot answer pings. */
  readonly isPaused: boolean;
  receiveText(text: string): void;
  /** The bytes are borrowed; they are copied before it returns. */
  receiveAudio(bytes: Uint8Array): void;
  /** A ping or pong came. */
  receiveControl(): void;
  /** Ends it with this error: there is no room for it. */
  refuse(error: WireError): void;
  /** The socket broke a rule of WebSocket itself: it is closing already. */
  fail(code: number): void;
  /** The socket is gone. */
  gone(code: number): void;
  /** Ends gracefully: what was received is recognised, final, close 1001. */
  drain(): void;
  /** The deadline is near: the last final is sent now, with what is known. */
  hurry(): void;
  ping(): void;
  /** Cuts the connection. */
  terminate(): void;
  /** Resolves when the socket is gone; `cut` when its last final was not complete. */
  readonly ended: Promise<{ readonly cut: boolean }>;
}

/** All open sessions: a bounded number, and of one client as many as could run and wait. */
export interface SessionRegistry extends Iterable<Session> {
  /** Refuses the session when its client has too many, or another silent one when all clients together do. */
  add(session: Session): void;
  readonly size: number;
}

export function createSessionRegistry(pool: () => PoolConfig): SessionRegistry {
  const sessions = new Set<Session>();
  const places = createFairQueue<Session>();
  const times = createServiceTimes();

  const refuse = (session: Session, what: string): void =>
    session.refuse(
      new WireError("queue_full", `${what}; close one, or try again after the time given`, {
        retryAfterMs: times.remainingMs("session", 0),
      }),
    );

  return {
    add: (session) => {
      sessions.add(session);
      const sinceMs = performance.now();
      void session.ended.then(() => {
        sessions.delete(session);
        if (places.leave(session)) times.record("session", performance.now() - sinceMs);
      });
      const most = Math.max(LEAST_SESSIONS, pool().size + pool().queue);
      if (places.countOf(session.client) >= most) return refuse(session, `this address has ${most} open sessions`);
      const joined = places.join(session, MOST_SESSIONS);
      if (joined === "full") refuse(session, `the server has ${MOST_SESSIONS} open sessions`);
      else if (joined !== undefined) refuse(joined, `the server has ${MOST_SESSIONS} open sessions`);
    },
    get size() {
      return sessions.size;
    },
    [Symbol.iterator]: () => sessions[Symbol.iterator](),
  };
}

// ---

/** Of one client: a page with a few tabs must work on a server with one slot and without a queue. */
const LEAST_SESSIONS = 16;
/** A silent session costs some 50 KB. */
const MOST_SESSIONS = 1024;
