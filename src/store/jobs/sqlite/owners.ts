import { aheadS, dayOf } from "../policy.ts";
import type { JobRow } from "../rows.ts";
import type { QuotaRefusal, Quotas } from "../types.ts";
import { IS_OPEN } from "./table.ts";
import type { JobTable } from "./table.ts";

/** What owners were given and may still ask for. */
export interface Owners {
  /** An owner that had nothing to do gets no credit for that time. Called before its job is queued. */
  enter(owner: string): void;
  /** Counts audio of a job that was recognised. */
  charge(job: Pick<JobRow, "owner" | "offset_s">, audioS: number): void;
  /** The time of newcomers is not behind that of this job, which is being served. */
  serve(job: Pick<JobRow, "owner" | "offset_s">): void;
  /** @param id a job that does not count */
  refusalOf(owner: string, id: string, addedBytes: number, quotas: Quotas): QuotaRefusal | undefined;
}

const OPEN = "('uploading', 'queued', 'active')";

export function createOwners({ nowMs, run, count }: JobTable): Owners {
  const enter = (owner: string): void => {
    const now = nowMs();
    run(
      "INSERT INTO owners (owner, seen_ms) VALUES (?, ?) ON CONFLICT DO UPDATE SET seen_ms = excluded.seen_ms",
      owner,
      now,
    );
    if (count("SELECT count(*) AS n FROM jobs WHERE owner = ? AND state IN ('queued', 'active')", owner) > 0) return;
    run("UPDATE owners SET virtual_s = max(virtual_s, (SELECT virtual_s FROM clock)) WHERE owner = ?", owner);
  };

  const serve: Owners["serve"] = ({ owner, offset_s: offsetS }) =>
    void run(
      "UPDATE clock SET virtual_s = max(virtual_s, (SELECT virtual_s FROM owners WHERE owner = ?) - ?)",
      owner,
      aheadS(offsetS),
    );

  const charge: Owners["charge"] = (job, audioS) => {
    if (audioS <= 0) return;
    const { owner } = job;
    serve(job);
    const busy = count(
      `SELECT count(*) AS n FROM owners o WHERE EXISTS
         (SELECT 1 FROM jobs j WHERE ${IS_OPEN} AND j.state IN ('queued', 'active') AND j.owner = o.owner)`,
    );
    run("UPDATE clock SET virtual_s = virtual_s + ?", audioS / Math.max(1, busy));
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

  return { enter, charge, serve, refusalOf };
}
