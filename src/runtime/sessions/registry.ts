import type { Session } from "./session.ts";

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
