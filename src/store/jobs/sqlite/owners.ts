import { dayOf } from "../policy.ts";
import type { QuotaRefusal, Quotas } from "../types.ts";
import type { JobTable } from "./table.ts";

/** What owners were given and may still ask for. */
export interface Owners {
  /** An owner that had nothing to do gets no credit for that time. Called before its job is queued. */
  enter(owner: string): void;
  /** Counts audio that was recognised. */
  charge(owner: string, audioS: number): void;
  /** @param id a job that does not count */
  refusalOf(owner: string, id: string, addedBytes: number, quotas: Quotas): QuotaRefusal | undefined;
}

const OPEN = "('uploading', 'queued', 'active')";

export function createOwners({ nowMs, one, run, count }: JobTable): Owners {
  const enter = (owner: string): void => {
    const now = nowMs();
    run(
      "INSERT INTO owners (owner, seen_ms) VALUES (?, ?) ON CONFLICT DO UPDATE SET seen_ms = excluded.seen_ms",
      owner,
      now,
    );
    if (count("SELECT count(*) AS n FROM jobs WHERE owner = ? AND state IN ('queued', 'active')", owner) > 0) return;
    const busy = one<{ n: number | null }>(
      "SELECT min(virtual_s) AS n FROM owners WHERE owner IN (SELECT owner FROM jobs WHERE state IN ('queued', 'active'))",
    )?.n;
    const virtualS = busy ?? count("SELECT virtual_s AS n FROM clock");
    run("UPDATE owners SET virtual_s = max(virtual_s, ?) WHERE owner = ?", virtualS, owner);
  };

  const charge = (owner: string, audioS: number): void => {
    if (audioS <= 0) return;
    run("UPDATE owners SET virtual_s = virtual_s + ? WHERE owner = ?", audioS, owner);
    run(
      "INSERT INTO usage (owner, day, audio_s) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET audio_s = audio_s + excluded.audio_s",
      owner,
      dayOf(nowMs()).day,
      audioS,
    );
  };

  const refusalOf = (owner: string, id: string, addedBytes: number, quotas: Quotas): QuotaRefusal | undefined => {
    const refuse = (limit: QuotaRefusal["limit"], untilMs?: number): QuotaRefusal => ({
      kind: "refused",
      limit,
      allowed: quotas[limit],
      untilMs,
    });
    const unfinished = `SELECT count(*) AS n FROM jobs WHERE state IN ${OPEN} AND id <> ?`;
    if (quotas.allUnfinishedJobs > 0 && count(unfinished, id) >= quotas.allUnfinishedJobs)
      return refuse("allUnfinishedJobs");
    if (quotas.unfinishedJobs > 0 && count(`${unfinished} AND owner = ?`, id, owner) >= quotas.unfinishedJobs)
      return refuse("unfinishedJobs");
    if (quotas.storedBytes > 0) {
      const stored = count("SELECT sum(bytes) AS n FROM jobs WHERE owner = ? AND has_audio = 1 AND id <> ?", owner, id);
      if (stored + addedBytes > quotas.storedBytes) return refuse("storedBytes");
    }
    const { day, endsMs } = dayOf(nowMs());
    const heard = count("SELECT audio_s AS n FROM usage WHERE owner = ? AND day = ?", owner, day);
    if (quotas.audioSecondsPerDay > 0 && heard >= quotas.audioSecondsPerDay)
      return refuse("audioSecondsPerDay", endsMs);
    return undefined;
  };

  return { enter, charge, refusalOf };
}
