import { UPLOAD_MS, backoffMs } from "../policy.ts";
import { jobOf } from "../rows.ts";
import type { Delivery, JobStore } from "../types.ts";
import { again, doom } from "./changes.ts";
import { offered } from "./intake.ts";
import type { JobTable } from "./table.ts";
import type { Turns } from "./turns.ts";

/** A notification that is being sent is not sent again before this. */
const DELIVERY_LEASE_MS = 60_000;
const DELIVERIES_AT_ONCE = 20;
const AT_ONCE = 1000;

/** What has to be done from time to time. Every replica does it: each change depends on what was read. */
export function createUpkeep(
  table: JobTable,
  turns: Turns,
): Pick<JobStore, "sweep" | "doomed" | "buried" | "exists" | "deliveries" | "settleDelivery"> {
  const { link, nowMs, random, rows, change } = table;

  const due = async (list: string, untilMs: number | string, most = AT_ONCE): Promise<readonly string[]> => {
    const [ids] = await link.read([["zrange", link.key(list), "-inf", untilMs, "byscore", "limit", 0, most]]);
    return ids as string[];
  };

  return {
    sweep: async () => {
      const now = nowMs();
      let changed = 0;
      for (const id of await due("leases", `(${now}`)) {
        const owner = await change(id, (row, draft) => {
          if (row?.state !== "active" || row.lease_ms >= draft.nowMs) return undefined;
          const fault = { code: "worker_lost", message: "its worker stopped without a word" };
          // Losing its worker once is not the job's doing.
          again(row, draft, fault, backoffMs(row.attempts - 1, random()));
          return row.owner;
        });
        if (owner === undefined) continue;
        changed++;
        await offered(turns, owner);
      }
      for (const id of [...(await due("uploads", `(${now - UPLOAD_MS}`)), ...(await due("expiry", now))]) {
        await change(id, (row, draft) => {
          const isStill = row?.state === "uploading" && row.updated_ms < draft.nowMs - UPLOAD_MS;
          const isExpired = row !== undefined && row.expires_ms > 0 && row.expires_ms <= draft.nowMs;
          if (row === undefined || !(isStill || isExpired)) return;
          doom(row, draft);
          changed++;
        });
      }
      await turns.offerAll();
      return changed;
    },

    doomed: async () => [
      ...(await due("doomed", "+inf")).map((id) => ({ id, whole: true })),
      ...(await due("audio", nowMs())).map((id) => ({ id, whole: false })),
    ],

    buried: (id) =>
      change(id, (row, draft) => {
        if (row === undefined || row.state === "queued" || row.state === "active") return;
        draft.save(row, row.state === "purging" ? undefined : { ...row, has_audio: 0, audio_until_ms: 0 });
      }),

    exists: async (ids) => (await rows(ids)).flatMap((row) => (row === undefined ? [] : [row.id])),

    deliveries: async () => {
      const taken: Delivery[] = [];
      for (const id of await due("callbacks", nowMs(), DELIVERIES_AT_ONCE)) {
        const delivery = await change<Delivery | undefined>(id, (row, draft) => {
          if (row === undefined || row.callback === null) return undefined;
          if (row.callback_due_ms === 0 || row.callback_due_ms > draft.nowMs) return undefined;
          const tries = row.callback_tries + 1;
          draft.save(row, { ...row, callback_due_ms: draft.nowMs + DELIVERY_LEASE_MS, callback_tries: tries });
          const sinceMs = row.finished_ms ?? draft.nowMs;
          return { job: jobOf(row), messageId: `${row.id}.${sinceMs}`, url: row.callback, tries, sinceMs };
        });
        if (delivery !== undefined) taken.push(delivery);
      }
      return taken;
    },

    settleDelivery: (id, retryAtMs) =>
      change(id, (row, draft) => {
        if (row !== undefined) draft.save(row, { ...row, callback_due_ms: retryAtMs ?? 0 });
      }),
  };
}
