import { atMost, type CrossRule } from "./rule.ts";

/** Rules over `jobs`: what is kept and how much runs. */
export const JOBS_RULES: readonly CrossRule[] = [
  {
    severity: "error",
    says: "`jobs.keepAudio` is at most `jobs.keepResult`.",
    keys: ["jobs.keepAudio", "jobs.keepResult"],
    check: ({ jobs }) => atMost("jobs.keepResult", "keepAudio", jobs.keepAudioMs, jobs.keepResultMs),
  },
  {
    severity: "error",
    says: "`jobs.parallel` is at most `pool.size`.",
    keys: ["jobs.parallel", "pool.size", "jobs.enabled"],
    check: ({ jobs, pool }) =>
      jobs.enabled && jobs.parallel > pool.size
        ? {
            rule: "must not be larger than pool.size: each running job takes a slot",
            found: `${jobs.parallel} against ${pool.size}`,
            cure: `lower parallel to ${pool.size} or raise pool.size`,
          }
        : undefined,
  },
];
