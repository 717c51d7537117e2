/** One WebSocket session: `waiting` for a slot → `open` → `ending` (last final) → `closed`. */
export interface Session {
  readonly requestId: string;
  readonly phase: "waiting" | "open" | "ending" | "closed";
  /** The socket is paused on purpose: it cannot answer pings. */
  readonly isPaused: boolean;
  receiveText(text: string): void;
  /** The bytes are borrowed; they are copied before it returns. */
  receiveAudio(bytes: Uint8Array): void;
  /** A ping or pong came. */
  receiveControl(): void;
  /** The socket broke a rule of WebSocket itself: it is closing already. */
  fail(code: number): void;
  /** The socket is gone. */
  gone(code: number): void;
  /** Ends in order: what was received is recognised, final, close 1001. */
  drain(): void;
  /** The deadline is near: the last final is sent now, with what is known. */
  hurry(): void;
  ping(): void;
  /** Cuts the connection. */
  terminate(): void;
  /** Resolves when the socket is gone; `cut` when its last final was not complete. */
  readonly ended: Promise<{ readonly cut: boolean }>;
}

/** All live sessions. */
export interface SessionRegistry extends Iterable<Session> {
  add(session: Session): void;
  readonly size: number;
}

export function createSessionRegistry(): SessionRegistry {
  const sessions = new Set<Session>();
  return {
    add: (session) => {
      sessions.add(session);
      void session.ended.then(() => sessions.delete(session));
    },
    get size() {
      return sessions.size;
    },
    [Symbol.iterator]: () => sessions[Symbol.iterator](),
  };
}
