import { UNSET_MS } from "../../../shared/time/clock.ts";
import type { ClockSet } from "../../clock-watch.ts";
import { LEASE_MS_OF, LONGEST_BACKOFF_MS } from "../policy.ts";
import type { JobTable } from "./table.ts";

/**
 * Sets right what a clock that was set has left: a job keeps its result as long as was promised, is not lost by its worker, and waits for no date that
 * was never meant. Without this a result that was made before a board had the time would be 56 years old a second later.
 */
export function mendTimes({ nowMs, run }: JobTable, set: ClockSet): void {
  if (set.byMs !== 0) run(`${MOVE} WHERE updated_ms BETWEEN ? AND ?`, ...moved(set.byMs), set.fromMs, set.toMs);
  const now = nowMs();
  // Dated by an earlier start without the time: its age is unknown, so it begins now.
  if (now >= UNSET_MS) run(`${MOVE.replaceAll("?", "? - updated_ms")} WHERE updated_ms < ?`, ...moved(now), UNSET_MS);
  // Dated by a clock that was ahead.
  run("UPDATE jobs SET lease_ms = ?1 WHERE state = 'active' AND lease_ms > ?1", now + LEASE_MS_OF.sqlite);
  run("UPDATE jobs SET not_before_ms = ?1 WHERE state = 'queued' AND not_before_ms > ?1", now + 2 * LONGEST_BACKOFF_MS);
  run("UPDATE jobs SET callback_due_ms = ?1 WHERE callback_due_ms > ?1", now + LONGEST_WAIT_MS);
  run(
    "UPDATE jobs SET audio_until_ms = ?1 + max(keep_audio_ms, keep_failed_ms) WHERE audio_until_ms > ?1 + max(keep_audio_ms, keep_failed_ms)",
    now,
  );
  run(
    "UPDATE jobs SET expires_ms = ?1 + max(keep_result_ms, keep_audio_ms, keep_failed_ms) WHERE expires_ms > ?1 + max(keep_result_ms, keep_audio_ms, keep_failed_ms)",
    now,
  );
}

// ---

/** Notifications are tried again after a quarter of an hour at the latest. */
const LONGEST_WAIT_MS = 30 * 60_000;
/** Zero means that there is no such time; a column that is NULL stays NULL. */
const COLUMNS = ["lease_ms", "not_before_ms", "audio_until_ms", "expires_ms", "callback_due_ms"];
const MOVE = `UPDATE jobs SET created_ms = created_ms + ?, started_ms = started_ms + ?, finished_ms = finished_ms + ?, updated_ms = updated_ms + ?,
  ${COLUMNS.map((column) => `${column} = iif(${column} > 0, ${column} + ?, 0)`).join(", ")}`;
const moved = (byMs: number): readonly number[] => Array.from({ length: COLUMNS.length + 4 }, () => byMs);
