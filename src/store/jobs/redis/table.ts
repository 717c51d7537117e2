import type { JobRow } from "../rows.ts";
import { setTimeout } from "../../../shared/time/timers.ts";
import { BYTES_PER_SECOND, dueMs } from "../policy.ts";
import type { JobEventType } from "../types.ts";
import { apply } from "./apply.ts";
import type { Command, Requirement } from "./apply.ts";
import type { RedisLink } from "./link.ts";

/** A job as it is kept: the columns of SQLite, and what there is a column for alone. */
export interface RedisRow extends JobRow {
  readonly worker: string | null;
  readonly lease_ms: number;
  readonly idempotency_key: string | null;
  readonly callback_due_ms: number;
}

/** Everything that one change writes. It is applied only when the job is still as it was read. */
export interface Draft {
  readonly nowMs: number;
  /** Stores the job, or removes it, with every list and counter that follows from it. */
  save(before: RedisRow | undefined, after: RedisRow | undefined): void;
  tell(row: RedisRow, type: JobEventType): void;
  run(...commands: readonly Command[]): void;
  require(...requirements: readonly Requirement[]): void;
}

export interface JobTable {
  readonly link: RedisLink;
  readonly nowMs: () => number;
  /** 0..1 */
  readonly random: () => number;
  rows(ids: readonly string[]): Promise<readonly (RedisRow | undefined)[]>;
  /**
   * Reads a job, decides, writes; again from the beginning when it was changed in between. A decision that writes nothing is only read.
   * @param refused the answer when a limit of the decision did not hold, by its position among them
   */
  change<T>(
    id: string,
    decide: (row: RedisRow | undefined, draft: Draft) => T | Promise<T>,
    refused?: (limit: number) => T,
  ): Promise<T>;
}

/** Jobs from which a time is waited for, by the list that is ordered by it, and lists for readers. */
const LISTS: readonly ((row: RedisRow) => readonly [list: string, score: number] | undefined)[] = [
  (row) => (row.state === "purging" ? ["doomed", row.created_ms] : ["all", row.created_ms]),
  (row) => (row.state === "purging" ? undefined : [`of:${row.owner}`, row.created_ms]),
  (row) => [`state:${row.state}`, row.created_ms],
  (row) => (row.state === "uploading" ? ["uploads", row.updated_ms] : undefined),
  (row) => (row.expires_ms > 0 && row.state !== "purging" ? ["expiry", row.expires_ms] : undefined),
  (row) =>
    row.has_audio === 1 && row.audio_until_ms > 0 && row.state !== "purging"
      ? ["audio", row.audio_until_ms]
      : undefined,
  (row) => (row.callback_due_ms > 0 ? ["callbacks", row.callback_due_ms] : undefined),
  (row) => (row.state === "active" ? ["leases", row.lease_ms] : undefined),
  (row) => (row.state === "queued" && row.not_before_ms > 0 ? ["later", row.not_before_ms] : undefined),
  (row) =>
    row.state === "queued" && row.not_before_ms === 0
      ? [`waiting:${row.owner}`, dueMs({ createdMs: row.created_ms, offsetS: row.offset_s })]
      : undefined,
  (row) => (row.state === "active" && row.parked === 1 ? [`parked:${row.worker ?? ""}`, row.created_ms] : undefined),
  (row) => (row.state === "failed" && row.fault_code === "job_poisoned" ? ["dead", row.created_ms] : undefined),
];

const isOpen = ({ state }: RedisRow): boolean => state === "uploading" || state === "queued" || state === "active";
const runs = ({ state }: RedisRow): boolean => state === "queued" || state === "active";

/** Sums over jobs: of an owner and of all. */
const OWNER_SUMS: Readonly<Record<string, (row: RedisRow) => number>> = {
  jobs: () => 1,
  unfinished: (row) => Number(isOpen(row)),
  runs: (row) => Number(runs(row)),
  active: (row) => Number(row.state === "active"),
  bytes: (row) => (row.has_audio === 1 ? row.bytes : 0),
};
const TOTALS: Readonly<Record<string, (row: RedisRow) => number>> = {
  unfinished: (row) => Number(isOpen(row)),
  bytes: (row) => (row.has_audio === 1 ? row.bytes : 0),
  waiting_s: (row) => (runs(row) ? Math.max(0, (row.total_s ?? row.bytes / BYTES_PER_SECOND) - row.done_s) : 0),
};

export function createJobTable(
  link: RedisLink,
  { nowMs, random }: { readonly nowMs: () => number; readonly random: () => number },
): JobTable {
  const jobKey = (id: string): string => link.key(`job:${id}`);

  return {
    link,
    nowMs,
    random,
    rows: async (ids) =>
      ids.length === 0
        ? []
        : (await link.read(ids.map((id) => ["hget", jobKey(id), "row"]))).map(
            (text) => (typeof text === "string" ? (JSON.parse(text) as RedisRow) : undefined), // written below
          ),

    change: async (id, decide, refused) => {
      for (let tries = 1; ; tries++) {
        const [answer] = await link.read([["hmget", jobKey(id), "v", "row"]]);
        const [version, text] = answer as [string | null, string | null];
        const row = text === null ? undefined : (JSON.parse(text) as RedisRow);
        const require: Requirement[] = [["version", jobKey(id), version ?? "0"]];
        const limits: number[] = [];
        const run: Command[] = [];
        const owners = new Set<string>();
        const draft: Draft = {
          nowMs: nowMs(),
          save: (before, after) => {
            const owner = (after ?? before)?.owner ?? "";
            owners.add(owner);
            const isOver = after?.state === "done" || after?.state === "cancelled";
            // A failed job continues when it is retried.
            if (isOver && before?.state !== after.state) run.push(["DEL", link.key(`readings:${id}`)]);
            run.push(...following(link, id, before, after));
            run.push(
              after === undefined
                ? ["DEL", jobKey(id), link.key(`readings:${id}`), link.key(`result:${id}`), link.key(`events:${id}`)]
                : ["HSET", jobKey(id), "v", String(Number(version ?? 0) + 1), "row", JSON.stringify(after)],
            );
          },
          tell: ({ done_s, total_s, fault_code, fault_message }, type) => {
            const event = { at_ms: nowMs(), type, done_s, total_s, fault_code, fault_message };
            run.push(["EVENT", link.key(`events:${id}`), JSON.stringify(event)]);
          },
          run: (...commands) => void run.push(...commands),
          require: (...requirements) => {
            for (const requirement of requirements) {
              require.push(requirement);
              if (requirement[0] === "atMost") limits.push(require.length - 1);
            }
          },
        };
        const decision = await decide(row, draft);
        if (run.length === 0) return decision;
        const failed = await apply(link, { require, run: [...run, ...[...owners].map((owner) => ["OWNER", owner])] });
        if (failed < 0) return decision;
        const limit = limits.indexOf(failed);
        if (limit >= 0 && refused !== undefined) return refused(limit);
        // Another process was first. Its own change is done now; a pause keeps many from meeting again.
        if (tries > 3) await new Promise<void>((resolve) => setTimeout(resolve, tries * 5 * random()));
      }
    },
  };
}

// ---

/** Returns the commands that bring lists and sums from one row to the next. */
function following(link: RedisLink, id: string, before: RedisRow | undefined, after: RedisRow | undefined): Command[] {
  const commands: Command[] = [];
  for (const entryOf of LISTS) {
    const was = before === undefined ? undefined : entryOf(before);
    const is = after === undefined ? undefined : entryOf(after);
    if (was !== undefined && was[0] !== is?.[0]) commands.push(["ZREM", link.key(was[0]), id]);
    if (is !== undefined && (was?.[0] !== is[0] || was[1] !== is[1])) {
      commands.push(["ZADD", link.key(is[0]), String(is[1]), id]);
    }
  }
  const owner = link.key(`owner:${(after ?? before)?.owner ?? ""}`);
  for (const [hash, sums] of [
    [owner, OWNER_SUMS],
    [link.key("totals"), TOTALS],
  ] as const) {
    for (const [field, valueOf] of Object.entries(sums)) {
      const added = (after === undefined ? 0 : valueOf(after)) - (before === undefined ? 0 : valueOf(before));
      if (added !== 0) commands.push(["HINCRBYFLOAT", hash, field, String(added)]);
    }
  }
  return commands;
}
