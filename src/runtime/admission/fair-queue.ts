/** Somebody who waits in the line. */
export interface Waiter {
  /** Who it is fair to: the client's address key. */
  readonly client: string;
}

/**
 * A bounded waiting line that is fair between clients: the next one served is the oldest waiter of the client whose turn it is,
 * round robin, so a hundred uploads of one client delay another client's single one by one turn only. When the line is full, a
 * newcomer whose client has clearly fewer waiters takes the place of the newest waiter of the longest queue.
 */
export interface FairQueue<T extends Waiter> {
  readonly length: number;
  /** Joins at the end of the client's own queue. Returns the waiter that had to leave for it, `undefined` when there was room, `"full"` when refused. */
  join(waiter: T, limit: number): T | "full" | undefined;
  /** Whether `join` would let this client in. */
  hasRoomFor(client: string, limit: number): boolean;
  leave(waiter: T): boolean;
  /** The oldest waiter of the client whose turn it is, of those that `accepts` takes; others keep their places. */
  next(accepts?: (waiter: T) => boolean): T | undefined;
  has(accepts: (waiter: T) => boolean): boolean;
  /** Empties the line. */
  clear(): T[];
}

export function createFairQueue<T extends Waiter>(): FairQueue<T> {
  // A Map keeps insertion order: its first entry is the client whose turn it is.
  const queues = new Map<string, T[]>();
  let length = 0;

  const remove = (client: string, queue: T[], index: number): T => {
    const [waiter] = queue.splice(index, 1);
    length--;
    if (queue.length === 0) queues.delete(client);
    return waiter!; // the index was in range
  };

  /** The queue that must give up its newest waiter for this client when the line is full. */
  const victimFor = (client: string): [string, T[]] | undefined => {
    const most = longest();
    const own = queues.get(client)?.length ?? 0;
    return most !== undefined && most[1].length >= own + 2 ? most : undefined;
  };

  const longest = (): [string, T[]] | undefined => {
    let found: [string, T[]] | undefined;
    for (const entry of queues) if (found === undefined || entry[1].length > found[1].length) found = entry;
    return found;
  };

  return {
    get length() {
      return length;
    },
    join: (waiter, limit) => {
      let evicted: T | undefined;
      if (length >= limit) {
        const victim = victimFor(waiter.client);
        if (victim === undefined) return "full";
        evicted = remove(victim[0], victim[1], victim[1].length - 1);
      }
      const queue = queues.get(waiter.client);
      if (queue === undefined) queues.set(waiter.client, [waiter]);
      else queue.push(waiter);
      length++;
      return evicted;
    },
    hasRoomFor: (client, limit) => length < limit || victimFor(client) !== undefined,
    leave: (waiter) => {
      const queue = queues.get(waiter.client);
      const index = queue?.indexOf(waiter) ?? -1;
      if (queue === undefined || index < 0) return false;
      remove(waiter.client, queue, index);
      return true;
    },
    next: (accepts = () => true) => {
      for (const [client, queue] of queues) {
        const index = queue.findIndex(accepts);
        if (index < 0) continue;
        const waiter = remove(client, queue, index);
        if (queue.length > 0) {
          queues.delete(client);
          queues.set(client, queue);
        }
        return waiter;
      }
      return undefined;
    },
    has: (accepts) => [...queues.values()].some((queue) => queue.some(accepts)),
    clear: () => {
      const all = [...queues.values()].flat();
      queues.clear();
      length = 0;
      return all;
    },
  };
}
