import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { counted, seriesOf, sumsOf } from "../../../../src/supervisor/state/series.ts";
import type { Sample } from "../../../../src/supervisor/state/series.ts";

const START_MS = Date.parse("2026-11-28T10:00:00Z");
const sample = (minute: number, changes: Partial<Sample> = {}): Sample => ({
  at: new Date(START_MS + minute * 60_000).toISOString(),
  sessions: 0,
  waiting: 0,
  requests: 0,
  failures: 0,
  p95Ms: null,
  realTimeFactor: null,
  rssBytes: 1,
  restarts: 0,
  ...changes,
});

describe("series of the history", () => {
  it("counts what happened since the sample before, from zero where a new process counts", () => {
    const requests = [100, 130, 130, 20, 25].map((value, minute) => sample(minute, { requests: value }));
    expect(counted(requests).map((one) => one.requests)).toEqual([0, 30, 0, 20, 5]);
  });

  it("shows the highest gauge and the sum of what was counted in each stretch, and nothing where nothing is known", () => {
    const samples = counted([
      sample(0, { requests: 10, p95Ms: 100, sessions: 2 }),
      sample(1, { requests: 15, p95Ms: null, sessions: 5 }),
      sample(2, { requests: 16, p95Ms: 80, sessions: 1 }),
      sample(9, { requests: 17 }),
    ]);
    const { at, figures } = seriesOf(samples, {
      sinceMs: START_MS - 1,
      untilMs: START_MS + 9 * 60_000,
      stepMs: 180_000,
    });
    expect(at.map((s) => s - START_MS / 1000)).toEqual([0, 180, 360, 540]);
    expect(figures.requests).toEqual([6, null, null, 1]);
    expect(figures.sessions).toEqual([5, null, null, 0]);
    expect(figures.p95Ms).toEqual([100, null, null, null]);
  });

  it("counts the same whether stretches are summed up in one step or in two", () => {
    const counts = fc.array(fc.tuple(fc.nat(200), fc.nat(50), fc.boolean()), { minLength: 1, maxLength: 80 });
    fc.assert(
      fc.property(counts, (steps) => {
        let minute = 0;
        let requests = 0;
        let added = 0;
        const samples = steps.map(([gap, more, isNew], index) => {
          minute += 1 + (gap % 7);
          requests = isNew ? more : requests + more;
          added += index === 0 ? 0 : more;
          return sample(minute, { requests, rssBytes: more });
        });
        const minutes = counted(samples);
        const total = (list: readonly Sample[]): number => list.reduce((sum, one) => sum + one.requests, 0);
        const hours = sumsOf(minutes, 3_600_000);
        expect(sumsOf(sumsOf(minutes, 1_800_000), 3_600_000)).toEqual(hours);
        // A new process that has counted past the old one cannot be told from it.
        if (steps.every(([, , isNew]) => !isNew)) expect(total(hours)).toBe(added);
        expect(total(hours)).toBe(total(minutes));
        expect(Math.max(...hours.map((one) => one.rssBytes))).toBe(Math.max(...samples.map((one) => one.rssBytes)));
      }),
    );
  });
});
