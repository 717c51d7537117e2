import { PRIORITIES } from "./queue.ts";
import type { Ticket, TicketQueue } from "./queue.ts";
import type { JobTable, RedisRow } from "./table.ts";

/** Whose turn it is: the first waiting job of each owner is offered, with a priority from the audio that its owner was given. */
export interface Turns {
  /** Brings the offer of an owner up to date. */
  offer(owner: string): Promise<void>;
  /** The same for every owner that has work: an offer may be missing after a crash. */
  offerAll(): Promise<void>;
  /** Returns the priority of a job now; 1 is next. */
  priorityOf(row: RedisRow): Promise<number>;
  /** True while a job of another owner is to go before this one. `worker`: its parked jobs count. */
  shouldYield(row: RedisRow, worker: string): Promise<boolean>;
}

/** Virtual time is counted from a base that is moved on before it reaches the last priority. */
const REBASE_S = PRIORITIES / 2;
/** The first tickets: an owner seldom has more than one. */
const LOOK_AT = 4;

export function createTurns(table: JobTable, queue: TicketQueue): Turns {
  const { link, rows } = table;

  const priorityIn = (row: RedisRow, virtualS: number, baseS: number): number => {
    const rankS = virtualS + row.offset_s - baseS;
    return Math.min(PRIORITIES, Math.max(1, 1 + Math.round(rankS)));
  };

  const priorityOf = async (row: RedisRow): Promise<number> => {
    const [virtualS, baseS] = await link.read([
      ["hget", link.key(`owner:${row.owner}`), "virtual"],
      ["hget", link.key("totals"), "base"],
    ]);
    return priorityIn(row, Number(virtualS ?? 0), Number(baseS ?? 0));
  };

  const update = async (owner: string, isForced: boolean): Promise<void> => {
    const [heads, offered] = await link.read([
      ["zrange", link.key(`waiting:${owner}`), 0, 0],
      ["hget", link.key("offers"), owner],
    ]);
    const [head] = await rows(heads as string[]);
    const was =
      typeof offered === "string" ? (JSON.parse(offered) as Ticket & { readonly priority: number }) : undefined;
    const isSame = head !== undefined && was?.id === head.id && was.token === head.token;
    if (was !== undefined && !isSame) await queue.withdraw(was);
    if (head === undefined) {
      if (was !== undefined) await link.read([["hdel", link.key("offers"), owner]]);
      return;
    }
    const priority = await priorityOf(head);
    if (isSame && was?.priority === priority && !isForced) return;
    const ticket = { id: head.id, token: head.token };
    if (!isSame || isForced) await queue.offer(ticket, priority);
    if (isSame && was?.priority !== priority) await queue.reorder(ticket, priority);
    await link.read([["hset", link.key("offers"), owner, JSON.stringify({ ...ticket, priority })]]);
  };

  return {
    priorityOf,
    offer: (owner) => update(owner, false),
    offerAll: async () => {
      const [owners, clockS, baseS] = await link.read([
        ["zrange", link.key("busy"), 0, -1],
        ["hget", link.key("totals"), "clock"],
        ["hget", link.key("totals"), "base"],
      ]);
      if (Number(clockS ?? 0) - Number(baseS ?? 0) > REBASE_S) {
        await link.read([["hset", link.key("totals"), "base", String(clockS)]]);
      }
      for (const owner of owners as string[]) await update(owner, true);
    },
    shouldYield: async (row, worker) => {
      const priority = await priorityOf(row);
      const waiting = (await queue.first(LOOK_AT)).filter((entry) => entry.priority < priority);
      const others = await rows(waiting.map(({ ticket }) => ticket.id));
      if (
        others.some(
          (other, at) =>
            other?.state === "queued" && other.owner !== row.owner && other.token === waiting[at]?.ticket.token,
        )
      ) {
        return true;
      }
      const [parkedIds] = await link.read([["zrange", link.key(`parked:${worker}`), 0, -1]]);
      for (const parked of await rows(parkedIds as string[])) {
        if (parked !== undefined && parked.owner !== row.owner && (await priorityOf(parked)) < priority) return true;
      }
      return false;
    },
  };
}
