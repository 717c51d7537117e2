import { LOGGING, type Yaml, bind } from "./service.ts";
import { PROBE_PERIOD_S } from "../../config/derived.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import { PREPARE_SCRIPT, prepareService, prepareStep } from "./prepare.ts";
import { APP_UID } from "../container-config.ts";
import type { RenderInput } from "../target.ts";

/** Returns the configuration of servers whose jobs are in the queue and the storage of this overlay. */
export function withSharedJobs(config: ResolvedConfig): ResolvedConfig {
  const { jobs } = config;
  return {
    ...config,
    jobs: {
      ...jobs,
      engine: "redis",
      redis: { ...jobs.redis, url: `redis://valkey:${QUEUE_PORT}/0`, passwordFile: PASSWORD, caFile: undefined },
      blobs: "s3",
      s3: { ...jobs.s3, endpoint: `http://s3:${S3_PORT}`, accessKey: ACCESS_KEY, secretKeyFile: SECRET_KEY },
    },
  };
}

/**
 * Renders the overlay with workers for jobs: their queue in Valkey, their audio in an S3 server, both on a network without a way out, with
 * passwords from files and everything on volumes. The base server takes requests and leaves jobs to the workers.
 */
export function scaleOverlay({ config, derived }: RenderInput): Yaml {
  const { compose, images } = config.deploy;
  const common = {
    read_only: true,
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges:true"],
    restart: "unless-stopped",
    logging: LOGGING,
    // No way in or out but for the servers.
    networks: ["jobs"],
  };
  const secrets = ["jobs-files:/run/jobs:ro"];
  const healthyFirst = { condition: "service_healthy" };
  const after = { depends_on: { valkey: healthyFirst, s3: healthyFirst } };
  const prepared = { depends_on: { "prepare-jobs": { condition: "service_completed_successfully" } } };
  const healthy = { interval: `${PROBE_PERIOD_S}s`, timeout: "5s", retries: 3, start_period: "30s" };
  return {
    services: {
      // joined with the base file's
      gigastt: { environment: { GIGASTT_JOBS_ROLE: "api" }, volumes: secrets, networks: ["jobs"], ...after },
      "prepare-jobs": {
        ...prepareService({ config, derived }),
        ...prepareStep(
          [
            { path: "/queue", uid: QUEUE_UID },
            { path: "/audio", uid: S3_UID },
          ],
          [PREPARE_SCRIPT, bind("./secrets", "/from/secrets"), "jobs-files:/run/jobs", "queue:/queue", "audio:/audio"],
          [
            { from: "/from/secrets/redis_password", to: "/run/jobs/server", uid: APP_UID },
            { from: "/from/secrets/s3_secret_key", to: "/run/jobs/server", uid: APP_UID },
            { from: "/from/secrets/redis_password", to: "/run/jobs/queue", uid: QUEUE_UID },
            { from: "/from/secrets/s3_secret_key", to: "/run/jobs/s3", uid: S3_UID },
          ],
        ),
      },
      worker: {
        ...common,
        ...after,
        image: images.app,
        user: `${APP_UID}:${APP_UID}`,
        init: true,
        environment: { GIGASTT_JOBS_ROLE: "worker" },
        tmpfs: [`/tmp:mode=1777,size=${derived.tmpMiB}m`],
        // A worker hands its jobs back before it ends.
        stop_grace_period: `${derived.compose.appStopS}s`,
        stop_signal: "SIGTERM",
        healthcheck: {
          ...healthy,
          test: ["CMD", "node", "-e", probe(config.server.port)],
          start_period: `${derived.compose.healthStartS}s`,
        },
        deploy: {
          replicas: 2,
          resources: {
            limits: {
              ...(compose.cpus === undefined ? {} : { cpus: String(compose.cpus) }),
              memory: `${derived.compose.memoryMiB}M`,
              pids: compose.pids,
            },
          },
        },
        volumes: [bind("./gigastt.config.yaml", "/etc/gigastt/gigastt.config.yaml"), ...secrets],
      },
      valkey: {
        ...common,
        ...prepared,
        image: images.valkey,
        user: `${QUEUE_UID}:${QUEUE_UID}`,
        // The password is read from its file: arguments are seen by every process of the machine.
        command: [
          "sh",
          "-c",
          `printf 'requirepass %s\n' "$$(cat ${QUEUE_PASSWORD})" > /run/valkey/auth.conf && exec valkey-server /run/valkey/auth.conf ${QUEUE_SETTINGS.join(" ")}`,
        ],
        tmpfs: [`/run/valkey:mode=0700,uid=${QUEUE_UID},gid=${QUEUE_UID},size=1m`],
        stop_grace_period: "60s",
        healthcheck: {
          ...healthy,
          test: ["CMD-SHELL", `REDISCLI_AUTH="$$(cat ${QUEUE_PASSWORD})" valkey-cli ping | grep -q PONG`],
        },
        deploy: { resources: { limits: { cpus: "1", memory: "768M", pids: 64 } } },
        volumes: [...secrets, "queue:/data"],
      },
      s3: {
        ...common,
        ...prepared,
        image: images.s3,
        user: `${S3_UID}:${S3_UID}`,
        entrypoint: ["sh", "-c"],
        command: [
          `export ROOT_ACCESS_KEY=${ACCESS_KEY} ROOT_SECRET_KEY="$$(cat ${S3_SECRET_KEY})" && mkdir -p /data/${config.jobs.s3.bucket} && exec versitygw --port :${S3_PORT} --region ${config.jobs.s3.region} --quiet posix /data`,
        ],
        stop_grace_period: "30s",
        healthcheck: { ...healthy, test: ["CMD-SHELL", `nc -z 127.0.0.1 ${S3_PORT}`] },
        deploy: { resources: { limits: { cpus: "1", memory: "512M", pids: 256 } } },
        volumes: [...secrets, "audio:/data"],
      },
    },
    networks: { jobs: { internal: true } },
    volumes: { queue: {}, audio: {}, "jobs-files": {} },
  };
}

// ---

const QUEUE_PORT = 6379;
const S3_PORT = 7070;
const ACCESS_KEY = "gigastt";
/** Each container reads its own copy. */
const PASSWORD = "/run/jobs/server/redis_password";
const SECRET_KEY = "/run/jobs/server/s3_secret_key";
const QUEUE_PASSWORD = "/run/jobs/queue/redis_password";
const S3_SECRET_KEY = "/run/jobs/s3/s3_secret_key";
/** Users of their own: their volumes belong to them. */
const QUEUE_UID = 999;
const S3_UID = 10004;
/** Nothing is dropped, and a power cut costs at most a second. */
const QUEUE_SETTINGS: readonly string[] = [
  `--port ${QUEUE_PORT}`,
  "--dir /data",
  "--appendonly yes",
  "--appendfsync everysec",
  "--maxmemory 512mb",
  "--maxmemory-policy noeviction",
];

function probe(port: number): string {
  return `fetch('http://127.0.0.1:${port}/ready').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))`;
}
