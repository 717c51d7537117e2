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
  {
    severity: "error",
    says: "`jobs.engine: redis` needs `jobs.redis.url`.",
    keys: ["jobs.redis.url", "jobs.engine", "jobs.enabled"],
    check: ({ jobs }) =>
      jobs.enabled && jobs.engine === "redis" && jobs.redis.url === undefined
        ? {
            rule: "is needed with jobs.engine: redis",
            found: "null",
            cure: "set url: redis://HOST:6379/0, or engine: sqlite",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`jobs.redis.url` has no password.",
    keys: ["jobs.redis.url"],
    check: ({ jobs: { redis } }) =>
      redis.url !== undefined && URL.canParse(redis.url) && new URL(redis.url).password !== ""
        ? {
            rule: "must not contain a password: it is written into rendered files",
            found: "one",
            cure: "put it into a file and set passwordFile",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "The compose overlay `scale` needs `jobs.enabled`, and the model in the image.",
    keys: ["deploy.compose.overlays", "jobs.enabled", "deploy.compose.model"],
    check: ({ jobs, deploy: { compose } }) =>
      compose.overlays.includes("scale") && (!jobs.enabled || compose.model !== "baked")
        ? {
            rule: "adds workers for jobs, which start from the same image",
            found: jobs.enabled
              ? `scale with deploy.compose.model: ${compose.model}`
              : "scale with jobs.enabled: false",
            cure: "set jobs.enabled: true and deploy.compose.model: baked, or leave scale out",
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "The compose overlay `scale` brings its own queue, storage and archive: other addresses are not used.",
    keys: ["deploy.compose.overlays", "jobs.redis.url", "jobs.s3.endpoint", "archive.postgres.url"],
    check: ({ jobs, archive, deploy: { compose } }) => {
      const set = [
        ...(jobs.redis.url === undefined ? [] : ["jobs.redis.url"]),
        ...(jobs.s3.endpoint === undefined ? [] : ["jobs.s3.endpoint"]),
        ...(archive.postgres.url === undefined ? [] : ["archive.postgres.url"]),
      ];
      return compose.overlays.includes("scale") && set.length > 0
        ? {
            rule: "brings Valkey, S3 and PostgreSQL of its own",
            found: `scale with ${set.join(" and ")}`,
            cure: "leave scale out to use servers of your own, or delete the addresses",
          }
        : undefined;
    },
  },
  {
    severity: "error",
    says: "`jobs.blobs: s3` needs `jobs.s3.endpoint`, `jobs.s3.accessKey` and `jobs.s3.secretKeyFile`.",
    keys: ["jobs.s3.endpoint", "jobs.s3.accessKey", "jobs.s3.secretKeyFile", "jobs.blobs", "jobs.enabled"],
    check: ({ jobs: { enabled, blobs, s3 } }) => {
      const missing = (["endpoint", "accessKey", "secretKeyFile"] as const).filter((key) => s3[key] === undefined);
      return enabled && blobs === "s3" && missing.length > 0
        ? { rule: "is incomplete", found: `without ${missing.join(" and ")}`, cure: `set ${missing.join(" and ")}` }
        : undefined;
    },
  },
  {
    severity: "error",
    says: "A `jobs.role` other than `all` needs `jobs.enabled` and `jobs.engine: redis`.",
    keys: ["jobs.role", "jobs.engine", "jobs.enabled"],
    check: ({ jobs }) =>
      jobs.role !== "all" && !(jobs.enabled && jobs.engine === "redis")
        ? {
            rule: "must be all while jobs are kept on one machine: another replica does not see them",
            found: jobs.role,
            cure: "set engine: redis and enabled: true, or role: all",
          }
        : undefined,
  },
];
