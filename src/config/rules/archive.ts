import type { CrossRule } from "./rule.ts";

/** Rules over `archive`: who reads it, and where it can be kept. */
export const ARCHIVE_RULES: readonly CrossRule[] = [
  {
    severity: "error",
    says: "`archive.enabled` needs `auth.keys: required` or `archive.shared: true`.",
    keys: ["archive.enabled", "archive.shared", "auth.keys"],
    check: ({ archive, auth }) =>
      archive.enabled && !archive.shared && auth.keys === "off"
        ? {
            rule: "needs API keys to know whose transcripts are whose",
            found: "auth.keys: off",
            cure: "set auth.keys: required; or archive.shared: true, and every client reads and deletes every transcript",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`archive.jobs` needs one machine: replicas with `jobs.engine: redis` share no archive.",
    keys: ["archive.enabled", "archive.jobs", "jobs.engine", "jobs.enabled"],
    check: ({ archive, jobs }) =>
      archive.enabled && archive.jobs && jobs.enabled && jobs.engine === "redis"
        ? {
            rule: "cannot be used with jobs.engine: redis: each replica would keep the transcripts of all jobs in a file of its own",
            found: "jobs.engine: redis",
            cure: "set archive.jobs: false, or jobs.engine: sqlite on one machine",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`archive.enabled` needs one machine: the pods of a cluster share no store.",
    keys: ["archive.enabled", "deploy.target"],
    check: ({ archive, deploy }) =>
      archive.enabled && deploy.target === "kubernetes"
        ? {
            rule: "cannot be used in a cluster: its pods share no store, so each would know its own transcripts only",
            found: "true with deploy.target: kubernetes",
            cure: "set archive.enabled: false, or deploy.target: compose or host on one machine",
          }
        : undefined,
  },
];
