import { CLASS_OFFSET_S, IDEMPOTENCY_MS, dayOf } from "../policy.ts";
import { jobOf } from "../rows.ts";
import type { JobRow } from "../rows.ts";
import type { BeginResult, JobStore, JobWishes, QuotaRefusal, Quotas, SubmitResult } from "../types.ts";
import { doom, end, queue } from "./changes.ts";
import type { Draft, JobTable, RedisRow } from "./table.ts";
import type { Turns } from "./turns.ts";

/** A limit that is nearly nothing below the allowed value: what is used up is used up. */
const LESS = 1e-6;

type Wished = Pick<
  JobRow,
  "priority" | "offset_s" | "params" | "keep_audio_ms" | "keep_failed_ms" | "keep_result_ms" | "callback"
> &
  Pick<RedisRow, "idempotency_key">;

function wishedOf({ priority, params, retention, idempotencyKey, callbackUrl }: JobWishes): Wished {
  return {
    priority,
    offset_s: CLASS_OFFSET_S[priority],
    params,
    keep_audio_ms: retention.audioMs,
    keep_failed_ms: retention.failedAudioMs,
    keep_result_ms: retention.resultMs,
    idempotency_key: idempotencyKey ?? null,
    callback: callbackUrl ?? null,
  };
}

/** What clients do with jobs. */
export function createIntake(
  table: JobTable,
  turns: Turns,
): Pick<JobStore, "begin" | "submit" | "touch" | "abandon" | "retry" | "cancel" | "purge"> {
  const { link, nowMs, change } = table;

  /** Makes the change depend on the limits, in the order in which they are named in a refusal. */
  const requireQuotas = (
    draft: Draft,
    { owner, jobs, bytes }: { readonly owner: string; readonly jobs: number; readonly bytes: number },
    quotas: Quotas,
  ): void => {
    const record = link.key(`owner:${owner}`);
    const limits = [
      ["unfinished", link.key("totals"), jobs, quotas.allUnfinishedJobs],
      ["unfinished", record, jobs, quotas.unfinishedJobs],
      ["bytes", record, bytes, quotas.storedBytes],
      [`day:${dayOf(draft.nowMs).day}`, record, LESS, quotas.audioSecondsPerDay],
    ] as const;
    for (const [field, key, added, limit] of limits) {
      draft.require(["atMost", key, field, String(added), String(limit === 0 ? Number.MAX_SAFE_INTEGER : limit)]);
    }
  };

  const refusal = (at: number, quotas: Quotas): QuotaRefusal => {
    const limit = LIMITS[at]!; // one of those above
    const untilMs = limit === "audioSecondsPerDay" ? dayOf(nowMs()).endsMs : undefined;
    return { kind: "refused", limit, allowed: quotas[limit], untilMs };
  };

  const gone = async (id: string): Promise<void> => {
    await change(id, (row, draft) => {
      if (row !== undefined && row.state !== "purging") doom(row, draft);
    });
  };

  return {
    begin: (given, quotas) =>
      change<BeginResult>(
        given.id,
        (row, draft) => {
          if (row !== undefined) throw new Error("a job with this id exists");
          const bytes = given.bytes ?? 0;
          requireQuotas(draft, { owner: given.owner, jobs: 1, bytes }, quotas);
          draft.save(undefined, { ...newRow(given.id, given.owner, draft.nowMs), ...wishedOf(given), bytes });
          return { kind: "begun" };
        },
        (at) => refusal(at, quotas),
      ),

    submit: async (id, audio, quotas, asked) => {
      const submitted = await change<SubmitResult | { readonly kind: "to go"; readonly result: SubmitResult }>(
        id,
        async (before, draft) => {
          if (before?.state !== "uploading") return { kind: "gone" };
          const row = { ...before, ...(asked === undefined ? {} : wishedOf(asked)) };
          if (row.idempotency_key !== null) {
            const key = link.key(`key:${row.owner}:${row.idempotency_key}`);
            const [kept] = await link.read([["get", key]]);
            const first = await firstOf(table, kept, draft.nowMs);
            if (first !== undefined) {
              const isSame =
                first.sha256 === audio.sha256 && first.params === row.params && first.priority === row.priority;
              return { kind: "to go", result: isSame ? { kind: "repeated", job: jobOf(first) } : { kind: "conflict" } };
            }
            draft.require(["equals", key, typeof kept === "string" ? kept : ""]);
            draft.run(["SET", key, JSON.stringify({ id, ms: draft.nowMs }), "PX", String(IDEMPOTENCY_MS)]);
          }
          requireQuotas(draft, { owner: row.owner, jobs: 0, bytes: audio.bytes - before.bytes }, quotas);
          const { parts, bytes, sha256 } = audio;
          const queued = queue({ ...row, parts, bytes, sha256, created_ms: draft.nowMs }, draft, "queued", { before });
          return { kind: "queued", job: jobOf(queued) };
        },
        (at) => ({ kind: "to go", result: refusal(at, quotas) }),
      );
      if (submitted.kind === "to go") {
        await gone(id);
        return submitted.result;
      }
      if (submitted.kind === "queued") await offered(turns, submitted.job.owner);
      return submitted;
    },

    touch: (id) =>
      change(id, (row, draft) => {
        if (row?.state === "uploading") draft.save(row, { ...row, updated_ms: draft.nowMs });
      }),

    abandon: (id) =>
      change(id, (row, draft) => {
        if (row?.state === "uploading") doom(row, draft);
      }),

    retry: async (id) => {
      const retried = await change(id, (row, draft) => {
        if (row?.state !== "failed" || row.has_audio === 0 || row.audio_until_ms <= draft.nowMs) return undefined;
        const fresh = { attempts: 0, finished_ms: null, fault_code: null, fault_message: null };
        const ends = { audio_until_ms: 0, expires_ms: 0, callback_due_ms: 0 };
        return jobOf(queue({ ...row, ...fresh, ...ends }, draft, "queued", { before: row }));
      });
      if (retried !== undefined) await offered(turns, retried.owner);
      return retried;
    },

    cancel: async (id) => {
      const cancelled = await change(id, (row, draft) => {
        if (row === undefined || row.state === "purging") return undefined;
        if (row.state === "active") {
          const told = { ...row, cancel: 1, updated_ms: draft.nowMs };
          draft.save(row, told);
          return { job: jobOf(told), wasOpen: true };
        }
        if (row.state !== "uploading" && row.state !== "queued") return { job: jobOf(row), wasOpen: false };
        return { job: jobOf(end(row, draft, "cancelled")), wasOpen: true };
      });
      if (cancelled?.wasOpen === true) await offered(turns, cancelled.job.owner);
      return cancelled;
    },

    purge: async (id) => {
      const owner = await change(id, (row, draft) => {
        if (row === undefined || row.state === "purging") return undefined;
        doom(row, draft);
        return row.owner;
      });
      if (owner !== undefined) await offered(turns, owner);
      return owner !== undefined;
    },
  };
}

/** Updates the offer of an owner after a change that is durable. What fails here is made up for by the next sweep. */
export async function offered(turns: Turns, owner: string): Promise<void> {
  await turns.offer(owner).catch(() => {});
}

// ---

const LIMITS: readonly QuotaRefusal["limit"][] = [
  "allUnfinishedJobs",
  "unfinishedJobs",
  "storedBytes",
  "audioSecondsPerDay",
];

/** Returns the job that used an Idempotency-Key before, while it is remembered and exists. */
async function firstOf(table: JobTable, kept: unknown, nowMs: number): Promise<RedisRow | undefined> {
  if (typeof kept !== "string") return undefined;
  const { id, ms } = JSON.parse(kept) as { readonly id: string; readonly ms: number };
  if (ms <= nowMs - IDEMPOTENCY_MS) return undefined;
  const [first] = await table.rows([id]);
  return first?.state === "purging" ? undefined : first;
}

function newRow(id: string, owner: string, nowMs: number): Omit<RedisRow, keyof Wished> {
  return {
    id,
    owner,
    state: "uploading",
    created_ms: nowMs,
    updated_ms: nowMs,
    started_ms: null,
    finished_ms: null,
    attempts: 0,
    token: 0,
    worker: null,
    lease_ms: 0,
    parked: 0,
    not_before_ms: 0,
    cancel: 0,
    reader: null,
    done_s: 0,
    total_s: null,
    parts: 0,
    bytes: 0,
    sha256: null,
    has_audio: 1,
    audio_until_ms: 0,
    expires_ms: 0,
    fault_code: null,
    fault_message: null,
    callback_due_ms: 0,
    callback_tries: 0,
  };
}
