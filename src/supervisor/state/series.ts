import type { ConsoleHistory, HistoryFigure } from "../../shared/console-status.ts";

/** One minute of the service's life with its counters; or, counted, a longer stretch: the highest of each gauge, and what was counted in it. */
export interface Sample {
  readonly at: string;
  readonly sessions: number;
  readonly waiting: number;
  readonly requests: number;
  readonly failures: number;
  readonly p95Ms: number | null;
  /** Absent where an older version wrote it. */
  readonly realTimeFactor?: number | null;
  readonly rssBytes: number;
  readonly restarts: number;
}

/**
 * Returns the samples with what was counted since the one before instead of the counters. A counter that is lower than before belongs to a new
 * process, which counts from zero; of the first sample nothing is known.
 */
export function counted(samples: readonly Sample[]): readonly Sample[] {
  return samples.map((sample, index) => {
    const before = samples[index - 1] ?? sample;
    const since = (name: Counter): number =>
      sample[name] >= before[name] ? sample[name] - before[name] : sample[name];
    return { ...sample, requests: since("requests"), failures: since("failures"), restarts: since("restarts") };
  });
}

/** Returns one counted sample for each stretch in which there is any, oldest first; `at` is that of its last one. */
export function sumsOf(samples: readonly Sample[], stretchMs: number): readonly Sample[] {
  const sums = new Map<number, Sample>();
  for (const sample of samples) {
    const stretch = Math.floor(Date.parse(sample.at) / stretchMs);
    const before = sums.get(stretch);
    sums.set(stretch, before === undefined ? sample : joined(before, sample));
  }
  return [...sums].sort(([a], [b]) => a - b).map(([, sample]) => sample);
}

/** Returns the columns of a chart from counted samples, one place for each step from `sinceMs` to `untilMs`. */
export function seriesOf(
  samples: readonly Sample[],
  { sinceMs, untilMs, stepMs }: { readonly sinceMs: number; readonly untilMs: number; readonly stepMs: number },
): ConsoleHistory {
  const first = Math.floor(sinceMs / stepMs) + 1;
  const length = Math.max(0, Math.floor(untilMs / stepMs) - first + 1);
  const filled = Array.from({ length }, (): Sample | undefined => undefined);
  for (const sample of sumsOf(samples, stepMs)) {
    const place = Math.floor(Date.parse(sample.at) / stepMs) - first;
    if (place >= 0 && place < length) filled[place] = sample;
  }
  const column = (name: HistoryFigure): (number | null)[] => filled.map((sample) => sample?.[name] ?? null);
  return {
    at: filled.map((_, index) => ((first + index) * stepMs) / 1000),
    figures: {
      sessions: column("sessions"),
      waiting: column("waiting"),
      requests: column("requests"),
      failures: column("failures"),
      p95Ms: column("p95Ms"),
      realTimeFactor: column("realTimeFactor"),
      rssBytes: column("rssBytes"),
      restarts: column("restarts"),
    },
  };
}

// ---

type Counter = "requests" | "failures" | "restarts";

function joined(a: Sample, b: Sample): Sample {
  const highest = (x: number | null | undefined, y: number | null | undefined): number | null => {
    const known = [x, y].filter((value) => typeof value === "number");
    return known.length === 0 ? null : Math.max(...known);
  };
  return {
    at: b.at,
    sessions: Math.max(a.sessions, b.sessions),
    waiting: Math.max(a.waiting, b.waiting),
    requests: a.requests + b.requests,
    failures: a.failures + b.failures,
    p95Ms: highest(a.p95Ms, b.p95Ms),
    realTimeFactor: highest(a.realTimeFactor, b.realTimeFactor),
    rssBytes: Math.max(a.rssBytes, b.rssBytes),
    restarts: a.restarts + b.restarts,
  };
}
