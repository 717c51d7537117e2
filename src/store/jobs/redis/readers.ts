import { eventOf, jobOf } from "../rows.ts";
import type { EventRow } from "../rows.ts";
import type { Job, JobStore } from "../types.ts";
import type { JobTable, RedisRow } from "./table.ts";

const EVENTS_AT_ONCE = 1000;
const ROWS_AT_ONCE = 200;

/** What readers ask. */
export function createReaders({
  link,
  nowMs,
  rows,
}: JobTable): Pick<JobStore, "get" | "list" | "result" | "events" | "stats"> {
  const seen = async (id: string): Promise<RedisRow | undefined> => {
    const [row] = await rows([id]);
    return row?.state === "purging" ? undefined : row;
  };

  return {
    get: async (id) => {
      const row = await seen(id);
      return row === undefined ? undefined : jobOf(row);
    },

    list: async ({ owner, states, limit, before }) => {
      const list = link.key(owner === undefined ? "all" : `of:${owner}`);
      const found: Job[] = [];
      // Jobs of one moment are in one answer with those of the moment before it: their ids separate them here.
      for (let skip = 0; found.length < limit; skip += ROWS_AT_ONCE) {
        const [ids] = await link.read([
          ["zrevrangebyscore", list, before?.createdMs ?? "+inf", "-inf", "limit", skip, ROWS_AT_ONCE],
        ]);
        for (const row of await rows(ids as string[])) {
          if (row === undefined || row.state === "purging") continue;
          if (before !== undefined && row.created_ms === before.createdMs && row.id >= before.id) continue;
          if (states === undefined || states.includes(row.state)) found.push(jobOf(row));
        }
        if ((ids as string[]).length < ROWS_AT_ONCE) break;
      }
      return found.slice(0, limit);
    },

    result: async (id) => {
      if ((await seen(id))?.state !== "done") return undefined;
      const [text] = await link.read([["get", link.key(`result:${id}`)]]);
      return typeof text === "string" ? text : undefined;
    },

    events: async (jobs, afterSeq) => {
      if (jobs.length === 0) return [];
      const answers = await link.read(
        jobs.map((id) => ["xrange", link.key(`events:${id}`), `(${afterSeq}-1`, "+", "count", EVENTS_AT_ONCE]),
      );
      return answers
        .flatMap((entries, at) =>
          (entries as [string, string[]][]).map(([number, [, text]]) =>
            eventOf({ ...(JSON.parse(text ?? "") as EventRow), job: jobs[at] ?? "", seq: Number.parseInt(number, 10) }),
          ),
        )
        .toSorted((a, b) => a.seq - b.seq)
        .slice(0, EVENTS_AT_ONCE);
    },

    stats: async () => {
      const now = nowMs();
      const [queued, active, uploading, dead, totals, oldest, stuck, callbacks] = await link.read([
        ["zcard", link.key("state:queued")],
        ["zcard", link.key("state:active")],
        ["zcard", link.key("state:uploading")],
        ["zcard", link.key("dead")],
        ["hmget", link.key("totals"), "waiting_s", "bytes"],
        ["zrange", link.key("state:queued"), 0, 0, "withscores"],
        ["zcount", link.key("leases"), "-inf", `(${now}`],
        ["zcard", link.key("callbacks")],
      ]);
      const [waitingS, storedBytes] = (totals as (string | null)[]).map(Number);
      const oldestMs = (oldest as string[])[1];
      return {
        queued: Number(queued),
        active: Number(active),
        uploading: Number(uploading),
        dead: Number(dead),
        waitingS: Math.max(0, waitingS ?? 0),
        oldestQueuedMs: oldestMs === undefined ? undefined : Number(oldestMs),
        stuck: Number(stuck),
        storedBytes: storedBytes ?? 0,
        pendingCallbacks: Number(callbacks),
      };
    },
  };
}
