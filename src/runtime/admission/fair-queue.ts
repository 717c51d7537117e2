/** Something a client has in a bounded place: work that waits for a slot, an upload, a session. */
export interface Member {
  /** Key of the client's address. */
  readonly client: string;
  /** It must not make room for another client's. */
  readonly stays?: boolean;
}

/**
 * A bounded place, fair between clients. When it is full, a newcomer whose client has clearly fewer members takes the place of the newest
 * member of the client with most. Members are served round robin over clients, so a hundred uploads of one client delay another client's
 * single one by one turn only.
 */
export interface FairQueue<T extends Member> {
  readonly length: number;
  /** Members of this client. */
  countOf(client: string): number;
  /** The members of each client, clients in the order in which they are served. */
  lines(): Iterable<readonly T[]>;
  /** Joins behind the client's other members. Returns the member that had to leave for it, `undefined` when there was room, `"full"` when refused. */
  join(member: T, limit: number): T | "full" | undefined;
  /** Joins before the client's other members, full or not; its client's turn is over. */
  rejoin(member: T): void;
  /** Whether `join` would take one of this client. */
  hasRoomFor(client: string, limit: number): boolean;
  leave(member: T): boolean;
  /**
   * Whose turn it is: of those that `accepts` takes, the oldest member of the client with the lowest rank, and among equals of the client that
   * was served longest ago. Stays in the queue until it leaves; `served` moves its client behind the others.
   */
  first(accepts?: (member: T) => boolean, rank?: (client: string) => number): T | undefined;
  served(member: T): void;
  /** Removes and returns those that `which` takes. */
  clear(which?: (member: T) => boolean): T[];
}

export function createFairQueue<T extends Member>(): FairQueue<T> {
  // A Map keeps insertion order: its first entry is the client that was served longest ago.
  const queues = new Map<string, T[]>();
  let length = 0;

  const remove = (client: string, queue: T[], index: number): T => {
    const [member] = queue.splice(index, 1);
    length--;
    if (queue.length === 0) queues.delete(client);
    return member!; // the index was in range
  };

  /** The client that must give up its newest member when the place is full. */
  const victimFor = (client: string): [string, T[]] | undefined => {
    let most: [string, T[]] | undefined;
    for (const entry of queues) {
      if (entry[1].at(-1)?.stays === true) continue;
      if (most === undefined || entry[1].length > most[1].length) most = entry;
    }
    const own = queues.get(client)?.length ?? 0;
    return most !== undefined && most[1].length >= own + 2 ? most : undefined;
  };

  const queueOf = (client: string): T[] => {
    const existing = queues.get(client);
    if (existing !== undefined) return existing;
    const queue: T[] = [];
    queues.set(client, queue);
    return queue;
  };

  const moveBack = (client: string): void => {
    const queue = queues.get(client);
    if (queue === undefined) return;
    queues.delete(client);
    queues.set(client, queue);
  };

  const leave = (member: T): boolean => {
    const queue = queues.get(member.client);
    const index = queue?.indexOf(member) ?? -1;
    if (queue === undefined || index < 0) return false;
    remove(member.client, queue, index);
    return true;
  };

  return {
    get length() {
      return length;
    },
    countOf: (client) => queues.get(client)?.length ?? 0,
    lines: () => queues.values(),
    join: (member, limit) => {
      let evicted: T | undefined;
      if (length >= limit) {
        const victim = victimFor(member.client);
        if (victim === undefined) return "full";
        evicted = remove(victim[0], victim[1], victim[1].length - 1);
      }
      queueOf(member.client).push(member);
      length++;
      return evicted;
    },
    rejoin: (member) => {
      queueOf(member.client).unshift(member);
      length++;
      moveBack(member.client);
    },
    hasRoomFor: (client, limit) => length < limit || victimFor(client) !== undefined,
    leave,
    first: (accepts = () => true, rank = () => 0) => {
      let best: { member: T; rank: number } | undefined;
      for (const [client, queue] of queues) {
        const clientRank = rank(client);
        if (best !== undefined && clientRank >= best.rank) continue;
        const member = queue.find(accepts);
        if (member !== undefined) best = { member, rank: clientRank };
      }
      return best?.member;
    },
    served: (member) => {
      if (leave(member)) moveBack(member.client);
    },
    clear: (which = () => true) => {
      const all = [...queues.values()].flat().filter(which);
      for (const member of all) leave(member);
      return all;
    },
  };
}
