import { randomUUID } from "node:crypto";
import { LEASE_MS_OF, aheadS, backoffMs, dayOf } from "../policy.ts";
import { jobOf } from "../rows.ts";
import type { Claim, JobStore, Standing, Turn } from "../types.ts";
import type { Command } from "./apply.ts";
import { again, end, queue } from "./changes.ts";
import { offered } from "./intake.ts";
import type { Ticket, TicketQueue } from "./queue.ts";
import type { Draft, JobTable, RedisRow } from "./table.ts";
import type { Turns } from "./turns.ts";

/** Old tickets are thrown away, so many in one call. */
const MOST_OLD_TICKETS = 100;

/** What workers do with jobs. */
export function createWork(
  table: JobTable,
  turns: Turns,
  tickets: TicketQueue,
): Pick<JobStore, "claim" | "park" | "renew" | "commit" | "release" | "finish" | "fail" | "confirmCancel"> {
  const { link, random, rows, change, nowMs } = table;

  /** Changes a job while its claim is good; undefined when it is not. */
  const withClaim = <T>(claim: Claim, decide: (row: RedisRow, draft: Draft) => T): Promise<T | undefined> =>
    change(claim.id, (row, draft) =>
      row?.state === "active" && row.token === claim.token ? decide(row, draft) : undefined,
    );

  const served = ({ owner, offset_s: offsetS }: RedisRow, audioS: number): Command => [
    "CLOCK",
    owner,
    String(aheadS(offsetS)),
    String(audioS),
  ];

  const charge = (draft: Draft, job: RedisRow, audioS: number): void => {
    if (audioS <= 0) return;
    const { owner } = job;
    const record = link.key(`owner:${owner}`);
    const old = dayOf(draft.nowMs - 2 * 86_400_000).day;
    draft.run(
      served(job, audioS),
      ["HINCRBYFLOAT", record, "virtual", String(audioS)],
      ["HINCRBYFLOAT", record, `day:${dayOf(draft.nowMs).day}`, String(audioS)],
      ["HDEL", record, `day:${old}`],
    );
  };

  /** A run has ended: its ticket is settled, and the next job of its owner is offered. */
  const ended = async (claim: Claim, owner: string): Promise<void> => {
    await tickets.settle(ticketOf(claim)).catch(() => {});
    await offered(turns, owner);
  };

  const standing = async (claim: Claim, row: RedisRow): Promise<Standing> => {
    await tickets.extend(ticketOf(claim)).catch(() => {});
    const shouldYield = row.parked === 0 && (await turns.shouldYield(row, row.worker ?? "").catch(() => false));
    return { kind: "held", cancelRequested: row.cancel === 1, shouldYield };
  };

  const leased = (row: RedisRow, draft: Draft): RedisRow => ({
    ...row,
    lease_ms: draft.nowMs + LEASE_MS_OF.redis,
    updated_ms: draft.nowMs,
  });

  /** Jobs whose pause is over wait like any other. */
  const wakeLater = async (): Promise<void> => {
    const [due] = await link.read([["zrange", link.key("later"), 0, nowMs(), "byscore", "limit", 0, 20]]);
    for (const id of due as string[]) {
      const owner = await change(id, (row, draft) => {
        if (row?.state !== "queued" || row.not_before_ms === 0 || row.not_before_ms > draft.nowMs) return undefined;
        draft.save(row, { ...row, not_before_ms: 0 });
        return row.owner;
      });
      if (owner !== undefined) await turns.offer(owner);
    }
  };

  /** The parked job of this worker that would be next, when no ticket is before it. */
  const resumed = async (worker: string): Promise<Turn | undefined> => {
    const [ids] = await link.read([["zrange", link.key(`parked:${worker}`), 0, -1]]);
    const parked = (await rows(ids as string[])).filter((row) => row !== undefined);
    const ranked = await Promise.all(parked.map(async (row) => ({ row, priority: await turns.priorityOf(row) })));
    const next = ranked.toSorted((a, b) => a.priority - b.priority)[0];
    if (next === undefined) return undefined;
    const [first] = await tickets.first(1);
    if (first !== undefined && first.priority < next.priority) return undefined;
    return change<Turn | undefined>(next.row.id, (row, draft) => {
      if (row?.state !== "active" || row.parked === 0 || row.worker !== worker) return undefined;
      draft.save(row, { ...leased(row, draft), parked: 0 });
      draft.run(served(row, 0));
      return { kind: "resume", id: row.id, token: row.token };
    });
  };

  const begin = async (ticket: Ticket, worker: string, reader: string, most: number): Promise<Turn | undefined> => {
    const begun = await change<RedisRow | undefined>(
      ticket.id,
      (row, draft) => {
        if (row?.state !== "queued" || row.token !== ticket.token || row.not_before_ms > 0) return undefined;
        const isSameReader = row.reader === reader;
        if (most > 0) draft.require(["atMost", link.key(`owner:${row.owner}`), "active", "1", String(most)]);
        const active: RedisRow = {
          ...leased(row, draft),
          state: "active",
          // Not raised: the ticket is the claim, and every way out of the state raises it.
          worker,
          attempts: row.attempts + 1,
          started_ms: row.started_ms ?? draft.nowMs,
          done_s: isSameReader ? row.done_s : 0,
          reader,
        };
        draft.save(row, active);
        if (!isSameReader) draft.run(["DEL", link.key(`readings:${row.id}`)]);
        draft.run(served(row, 0));
        draft.tell(active, "started");
        return active;
      },
      () => undefined,
    );
    if (begun === undefined) {
      await tickets.settle(ticket).catch(() => {});
      // Its owner has as many as it may: offered again when one of them ends.
      const [row] = await rows([ticket.id]);
      if (row !== undefined) await link.read([["hdel", link.key("offers"), row.owner]]);
      return undefined;
    }
    await offered(turns, begun.owner);
    const [readings] = await link.read([["lrange", link.key(`readings:${ticket.id}`), 0, -1]]);
    return { kind: "claimed", ...ticket, job: jobOf(begun), readings: readings as string[] };
  };

  return {
    claim: async (worker, reader, activeJobsPerOwner) => {
      await wakeLater();
      const turn = await resumed(worker);
      if (turn !== undefined) return turn;
      for (let k = 0; k < MOST_OLD_TICKETS; k++) {
        const ticket = await tickets.take(randomUUID());
        if (ticket === undefined) return undefined;
        const claimed = await begin(ticket, worker, reader, activeJobsPerOwner);
        if (claimed !== undefined) return claimed;
      }
      return undefined;
    },

    park: async (claim) =>
      (await withClaim(claim, (row, draft) => {
        draft.save(row, { ...row, parked: 1 });
        return true;
      })) ?? false,

    renew: async (claim) => {
      const held = await withClaim(claim, (row, draft) => {
        draft.save(row, leased(row, draft));
        return row;
      });
      return held === undefined ? { kind: "stale" } : standing(claim, held);
    },

    commit: async (claim, { readings, doneS, totalS }) => {
      const held = await withClaim(claim, (row, draft) => {
        const kept = { done_s: Math.max(row.done_s, doneS), total_s: totalS ?? row.total_s };
        const next = { ...leased(row, draft), ...kept };
        draft.save(row, next);
        if (readings.length > 0) draft.run(["RPUSH", link.key(`readings:${row.id}`), ...readings]);
        charge(draft, row, doneS - row.done_s);
        if (doneS > row.done_s) draft.tell(next, "progress");
        return next;
      });
      if (held === undefined) return { kind: "stale" };
      await offered(turns, held.owner);
      return standing(claim, held);
    },

    release: async (claim, notBeforeMs = 0) => {
      const owner = await withClaim(claim, (row, draft) => {
        if (row.cancel === 1) end(row, draft, "cancelled");
        else queue({ ...row, attempts: row.attempts - 1 }, draft, "queued", { notBeforeMs, before: row });
        return row.owner;
      });
      if (owner !== undefined) await ended(claim, owner);
      return owner !== undefined;
    },

    finish: async (claim, result, durationS) => {
      const done = await withClaim(claim, (row, draft) => {
        charge(draft, row, durationS - row.done_s);
        if (row.cancel === 0) draft.run(["SET", link.key(`result:${row.id}`), result]);
        end({ ...row, done_s: durationS, total_s: durationS }, draft, "done", { before: row });
        return { owner: row.owner, isPublished: row.cancel === 0 };
      });
      if (done !== undefined) await ended(claim, done.owner);
      return done?.isPublished ?? false;
    },

    fail: async (claim, fault, isFinal) => {
      const owner = await withClaim(claim, (row, draft) => {
        if (isFinal) end(row, draft, "failed", { cause: fault });
        else again(row, draft, fault, backoffMs(row.attempts, random()));
        return row.owner;
      });
      if (owner !== undefined) await ended(claim, owner);
      return owner !== undefined;
    },

    confirmCancel: async (claim) => {
      const owner = await withClaim(claim, (row, draft) => {
        end(row, draft, "cancelled");
        return row.owner;
      });
      if (owner !== undefined) await ended(claim, owner);
      return owner !== undefined;
    },
  };
}

function ticketOf({ id, token }: Claim): Ticket {
  return { id, token };
}
