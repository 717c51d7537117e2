// Discrete-event simulation of the job queue: owners share workers by audio, a recording gives way at the end of a window.

/**
 * @param {{ jobs: { atS: number, owner: string, audioS: number }[], workers: number, speed: number, windowS?: number, startS?: number }} plan
 *   speed: seconds of audio that one worker recognises in a second; startS: what a job costs beside its audio
 * @returns {{ waitsS: number[], endS: number }} how long each job waited for its first window, in the order of `jobs`
 */
export function simulate({ jobs, workers, speed, windowS = 24, startS = 0 }) {
  const arrivals = jobs
    .map((job, index) => ({ ...job, index, leftS: job.audioS, readyS: 0 }))
    .sort((a, b) => a.atS - b.atS);
  const waitsS = Array.from({ length: jobs.length }, () => 0);
  const virtual = new Map();
  const waiting = [];
  const free = Array.from({ length: workers }, () => 0);
  let endS = 0;
  let next = 0;
  const enter = (job) => {
    const busy = waiting.map(({ owner }) => virtual.get(owner) ?? 0);
    const floor = busy.length > 0 ? Math.min(...busy) : Math.max(0, ...virtual.values());
    if (!waiting.some(({ owner }) => owner === job.owner)) {
      virtual.set(job.owner, Math.max(virtual.get(job.owner) ?? 0, floor));
    }
    waiting.push(job);
  };
  while (next < arrivals.length || waiting.length > 0) {
    const at = free.indexOf(Math.min(...free));
    let nowS = free[at];
    if (waiting.length === 0) nowS = Math.max(nowS, arrivals[next].atS);
    while (next < arrivals.length && arrivals[next].atS <= nowS) enter(arrivals[next++]);
    // One worker at a time has a job: between its windows it waits like the others.
    let best = -1;
    let leastS = Number.POSITIVE_INFINITY;
    let soonestS = arrivals[next]?.atS ?? Number.POSITIVE_INFINITY;
    for (let k = 0; k < waiting.length; k++) {
      const { owner, readyS } = waiting[k];
      if (readyS > nowS) soonestS = Math.min(soonestS, readyS);
      else if ((virtual.get(owner) ?? 0) < leastS) {
        leastS = virtual.get(owner) ?? 0;
        best = k;
      }
    }
    if (best < 0) {
      free[at] = soonestS;
      continue;
    }
    const job = waiting[best];
    const isFirst = job.leftS === job.audioS;
    if (isFirst) waitsS[job.index] = nowS - job.atS;
    const stepS = Math.min(windowS, job.leftS);
    job.leftS -= stepS;
    virtual.set(job.owner, (virtual.get(job.owner) ?? 0) + stepS);
    free[at] = nowS + stepS / speed + (isFirst ? startS : 0);
    job.readyS = free[at];
    endS = Math.max(endS, free[at]);
    if (job.leftS <= 0) waiting.splice(best, 1);
  }
  return { waitsS, endS };
}

/** A day of recordings: voice notes, meetings and long ones, more of them at noon. `random` returns 0..1. */
export function dayOfJobs(hours, random) {
  const jobs = [];
  for (let totalS = 0; totalS < hours * 3600;) {
    const kind = random();
    const audioS = kind < 0.7 ? 20 + 100 * random() : kind < 0.95 ? 900 + 2700 * random() : 7200 + 3600 * random();
    const atS = 43_200 + (random() + random() + random() - 1.5) * 28_800;
    jobs.push({ atS, audioS, owner: `owner-${Math.floor(random() * 50)}` });
    totalS += audioS;
  }
  return jobs;
}

/** Repeatable: the same seed gives the same day. */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
