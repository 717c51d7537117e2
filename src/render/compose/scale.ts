import { LOGGING, type Yaml, bind } from "./service.ts";
import { PROBE_PERIOD_S } from "../../config/derived.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import { PREPARE_SCRIPT, prepareService, prepareStep } from "./prepare.ts";
import { APP_UID, CONTAINER_STORE } from "../container-config.ts";
import { DATABASE, POSTGRES_PASSWORD, POSTGRES_PORT, POSTGRES_UID, postgresService } from "./postgres.ts";
import { serverService } from "./server.ts";
import type { RenderInput } from "../target.ts";

/** Returns the configuration of servers whose jobs and archive are in the stores of this overlay; of other projects, as it is. */
export function withSharedStores(config: ResolvedConfig): ResolvedConfig {
  if (!config.deploy.compose.overlays.includes("scale")) return config;
  const { jobs, archive } = config;
  return {
    ...config,
    jobs: {
      ...jobs,
      engine: "redis",
      redis: { ...jobs.redis, url: `redis://valkey:${QUEUE_PORT}/0`, passwordFile: PASSWORD, caFile: undefined },
      blobs: "s3",
      s3: { ...jobs.s3, endpoint: `http://s3:${S3_PORT}`, accessKey: ACCESS_KEY, secretKeyFile: SECRET_KEY },
    },
    // A file would be one archive for each replica.
    archive: archive.enabled
      ? {
          ...archive,
          engine: "postgres",
          postgres: {
            ...archive.postgres,
            url: `postgres://${DATABASE}@postgres:${POSTGRES_PORT}/${DATABASE}`,
            passwordFile: `${SERVER_FILES}/${POSTGRES_PASSWORD}`,
            tls: "off",
            caFile: undefined,
          },
        }
      : archive,
  };
}

/**
 * Renders the overlay with workers for jobs: their queue in Valkey, their audio in an S3 server, the archive in PostgreSQL, all on a network
 * without a way out, with passwords from files and everything on volumes. The base server takes requests and leaves jobs to the workers.
 */
export function scaleOverlay(input: RenderInput): Yaml {
  const { config } = input;
  const { images } = config.deploy;
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
  const archive = config.archive.enabled ? [ARCHIVE] : [];
  const stores = ["valkey", "s3", ...archive.map(({ service }) => service)];
  const after = { depends_on: Object.fromEntries(stores.map((name) => [name, healthyFirst])) };
  const prepared = { depends_on: { "prepare-jobs": { condition: "service_completed_successfully" } } };
  const healthy = { interval: `${PROBE_PERIOD_S}s`, timeout: "5s", retries: 3, start_period: "30s" };
  const worker = serverService(input, {});
  return {
    services: {
      // joined with the base file's
      gigastt: { environment: { GIGASTT_JOBS_ROLE: "api" }, volumes: secrets, networks: ["jobs"], ...after },
      "prepare-jobs": {
        ...prepareService(input),
        ...prepareStep(
          [
            { path: "/queue", uid: QUEUE_UID },
            { path: "/audio", uid: S3_UID },
            ...archive.map(({ folder, uid }) => ({ path: folder, uid })),
          ],
          [
            PREPARE_SCRIPT,
            bind("./secrets", "/from/secrets"),
            "jobs-files:/run/jobs",
            "queue:/queue",
            "audio:/audio",
            ...archive.map(({ volume, folder }) => `${volume}:${folder}`),
          ],
          [
            { from: "/from/secrets/redis_password", to: SERVER_FILES, uid: APP_UID },
            { from: "/from/secrets/s3_secret_key", to: SERVER_FILES, uid: APP_UID },
            ...archive.map(({ secret }) => ({ from: `/from/secrets/${secret}`, to: SERVER_FILES, uid: APP_UID })),
            { from: "/from/secrets/redis_password", to: "/run/jobs/queue", uid: QUEUE_UID },
            { from: "/from/secrets/s3_secret_key", to: "/run/jobs/s3", uid: S3_UID },
            ...archive.map(({ secret, files, uid }) => ({ from: `/from/secrets/${secret}`, to: files, uid })),
          ],
        ),
      },
      worker: {
        ...worker,
        ...after,
        environment: { GIGASTT_JOBS_ROLE: "worker" },
        networks: ["jobs"],
        deploy: { replicas: 2, ...(worker["deploy"] as object) }, // of serverService
        volumes: [
          bind("./gigastt.config.yaml", "/etc/gigastt/gigastt.config.yaml"),
          ...secrets,
          // The minutes of a key are counted where its job runs.
          ...(config.auth.keys === "required" ? [`store:${CONTAINER_STORE}`] : []),
        ],
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
      ...Object.fromEntries(
        archive.map(({ service, files, volume }) => [
          service,
          {
            ...common,
            ...prepared,
            ...postgresService(input, `${files}/${POSTGRES_PASSWORD}`),
            healthcheck: {
              ...healthy,
              test: ["CMD-SHELL", `pg_isready --quiet --username ${DATABASE} --host 127.0.0.1`],
            },
            volumes: [...secrets, `${volume}:/var/lib/postgresql/data`],
          },
        ]),
      ),
    },
    networks: { jobs: { internal: true } },
    volumes: {
      queue: {},
      audio: {},
      ...Object.fromEntries(archive.map(({ volume }) => [volume, {}])),
      "jobs-files": {},
    },
  };
}

// ---

const QUEUE_PORT = 6379;
const S3_PORT = 7070;
const ACCESS_KEY = "gigastt";
/** Each container reads its own copy. */
const SERVER_FILES = "/run/jobs/server";
const PASSWORD = `${SERVER_FILES}/redis_password`;
const SECRET_KEY = `${SERVER_FILES}/s3_secret_key`;
const QUEUE_PASSWORD = "/run/jobs/queue/redis_password";
const S3_SECRET_KEY = "/run/jobs/s3/s3_secret_key";
/** Users of their own: their volumes belong to them. */
const QUEUE_UID = 999;
const S3_UID = 10004;
/** Its volume is not the `archive` of the base file, which has a SQLite file. */
const ARCHIVE = {
  service: "postgres",
  volume: "transcripts",
  folder: "/transcripts",
  secret: POSTGRES_PASSWORD,
  files: "/run/jobs/postgres",
  uid: POSTGRES_UID,
} as const;
/** Nothing is dropped, and a power cut costs at most a second. */
const QUEUE_SETTINGS: readonly string[] = [
  `--port ${QUEUE_PORT}`,
  "--dir /data",
  "--appendonly yes",
  "--appendfsync everysec",
  "--maxmemory 512mb",
  "--maxmemory-policy noeviction",
];
