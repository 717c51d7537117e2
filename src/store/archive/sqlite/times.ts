import { UNSET_MS } from "../../../shared/time/clock.ts";
import type { ClockSet } from "../../clock-watch.ts";
import type { Database } from "../../sqlite.ts";
import type { SqlValue } from "../../sqlite-engine.ts";
import { freeOrder } from "../order.ts";

/** Dates again what was archived while the clock was wrong, so that a transcript is kept as long as was promised. What was imported brought its date along. */
export function mendDates(db: Database, set: ClockSet, nowMs: number): void {
  const move = (byMs: (latestMs: number) => number, where: string, ...values: readonly SqlValue[]): void => {
    const rows = db.all(
      `SELECT ord, created_ms FROM entries WHERE source <> 'import' AND ${where} ORDER BY ord DESC`,
      ...values,
    );
    const shiftMs = byMs(Number(rows[0]?.["created_ms"]));
    for (const { ord, created_ms: createdMs } of shiftMs < 0 ? rows.toReversed() : rows)
      moveEntry(db, Number(ord), Number(createdMs) + shiftMs);
  };
  if (set.byMs !== 0) move(() => set.byMs, "created_ms BETWEEN ? AND ?", set.fromMs, set.toMs);
  if (nowMs >= UNSET_MS) move((latestMs) => nowMs - latestMs, "created_ms < ?", UNSET_MS);
  move((latestMs) => nowMs - latestMs, "created_ms > ?", nowMs + DAY_MS);
}

// ---

const DAY_MS = 86_400_000;

function moveEntry(db: Database, order: number, createdMs: number): void {
  const to = freeOrder(
    createdMs,
    (candidate) => db.get("SELECT 1 FROM entries WHERE ord = ?", candidate) !== undefined,
  );
  db.run("UPDATE entries SET ord = ?, created_ms = ? WHERE ord = ?", to, createdMs, order);
  // Not by UPDATE: the index follows what is inserted and deleted.
  db.run(
    "INSERT INTO texts SELECT ?, stems, terms, facts, words, times, transcripts FROM texts WHERE ord = ?",
    to,
    order,
  );
  db.run("DELETE FROM texts WHERE ord = ?", order);
}
