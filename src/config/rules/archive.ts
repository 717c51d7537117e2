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
    says: "`archive.jobs` with `jobs.engine: redis` needs `archive.engine: postgres`: replicas share no file.",
    keys: ["archive.enabled", "archive.jobs", "archive.engine", "jobs.engine", "jobs.enabled"],
    check: ({ archive, jobs }) =>
      archive.enabled && archive.engine === "sqlite" && archive.jobs && jobs.enabled && jobs.engine === "redis"
        ? {
            rule: "cannot be used with jobs.engine: redis and a file: each replica would keep the transcripts of its own jobs",
            found: "jobs.engine: redis with archive.engine: sqlite",
            cure: "set archive.engine: postgres, or archive.jobs: false, or jobs.engine: sqlite on one machine",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`archive.enabled` in a cluster needs `archive.engine: postgres`: its pods share no file.",
    keys: ["archive.enabled", "archive.engine", "deploy.target"],
    check: ({ archive, deploy }) =>
      archive.enabled && archive.engine === "sqlite" && deploy.target === "kubernetes"
        ? {
            rule: "cannot be a file in a cluster: its pods share none, so each would know its own transcripts only",
            found: "archive.engine: sqlite with deploy.target: kubernetes",
            cure: "set archive.engine: postgres, or archive.enabled: false",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`archive.engine: postgres` needs `archive.postgres.url`.",
    keys: ["archive.postgres.url", "archive.engine", "archive.enabled"],
    check: ({ archive }) =>
      archive.enabled && archive.engine === "postgres" && archive.postgres.url === undefined
        ? {
            rule: "is needed with archive.engine: postgres",
            found: "null",
            cure: "set url: postgres://USER@HOST:5432/DATABASE, or engine: sqlite",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`archive.postgres.url` has no password.",
    keys: ["archive.postgres.url"],
    check: ({ archive: { postgres } }) =>
      postgres.url !== undefined && URL.canParse(postgres.url) && new URL(postgres.url).password !== ""
        ? {
            rule: "must not contain a password: it is written into rendered files",
            found: "one",
            cure: "put it into a file and set passwordFile",
          }
        : undefined,
  },
];
