import type { RenderInput } from "../target.ts";
import { meta, NAME, type Manifest } from "./object.ts";
import { HARDENED, POD_SECURITY } from "./pod.ts";
import { quantity } from "./quantity.ts";
import { POSTGRES_CA, POSTGRES_PASSWORD, REDIS_PASSWORD, S3_SECRET_KEY, STORES_MOUNT, storesVolume } from "./stores.ts";

const CLAIM = `${NAME}-backup`;
/** Labels of the pods: the network policy lets them reach the stores. */
export const BACKUP_LABELS: Readonly<Record<string, string>> = {
  "app.kubernetes.io/name": NAME,
  "app.kubernetes.io/component": "backup",
};

/** Returns the backup jobs and their claim by file name; empty without a schedule. */
export function backupObjects(input: RenderInput): readonly (readonly [name: string, value: Manifest])[] {
  const { config } = input;
  const { jobs, archive, deploy } = config;
  if (deploy.kubernetes.backupSchedule === undefined || !(jobs.enabled || archive.enabled)) return [];
  return [
    ["persistentvolumeclaim-backup", claim(input)],
    ...(archive.enabled ? ([["cronjob-archive", cronJob(input, "archive", dumpOfArchive(input))]] as const) : []),
    ...(jobs.enabled
      ? ([
          ["cronjob-queue", cronJob(input, "queue", dumpOfQueue(input))],
          ["cronjob-audio", cronJob(input, "audio", copyOfAudio(input))],
        ] as const)
      : []),
  ];
}

// ---

interface Step {
  readonly image: string;
  /** Line of shell; a file under its name is complete. */
  readonly line: string;
  readonly env: Readonly<Record<string, string>>;
}

/** pg_restore reads it into an empty database. */
function dumpOfArchive({ config: { archive, deploy } }: RenderInput): Step {
  const { url = "", passwordFile, tls, caFile, schema } = archive.postgres;
  return {
    image: deploy.images.postgres,
    line: `${passwordFile === undefined ? "" : `export PGPASSWORD="$(cat /run/stores/${POSTGRES_PASSWORD})" && `}pg_dump --format=custom --schema="$SCHEMA" --file=/backup/archive.part "$ADDRESS" && mv /backup/archive.part /backup/archive.dump`,
    env: {
      ADDRESS: url,
      SCHEMA: schema,
      PGSSLMODE: tls === "off" ? "disable" : "verify-full",
      ...(tls === "off" ? {} : { PGSSLROOTCERT: caFile === undefined ? "system" : `/run/stores/${POSTGRES_CA}` }),
    },
  };
}

/** A snapshot by replication: a server starts with it as its dump.rdb. The append-only file stays with the server. */
function dumpOfQueue({ config: { jobs, deploy } }: RenderInput): Step {
  const { url = "", passwordFile, caFile } = jobs.redis;
  return {
    image: deploy.images.valkey,
    line: `${passwordFile === undefined ? "" : `export REDISCLI_AUTH="$(cat /run/stores/${REDIS_PASSWORD})" && `}valkey-cli -u "$ADDRESS" ${caFile === undefined ? "" : "--cacert /run/stores/redis_ca.pem "}--rdb /backup/queue.part && mv /backup/queue.part /backup/queue.rdb`,
    env: { ADDRESS: url },
  };
}

/** The parts of recordings under the names that they have in the bucket. */
function copyOfAudio({ config: { jobs, deploy } }: RenderInput): Step {
  const { endpoint = "", region, bucket, prefix, accessKey = "" } = jobs.s3;
  return {
    image: deploy.images.rclone,
    line: `export RCLONE_S3_ACCESS_KEY_ID="$ACCOUNT" RCLONE_S3_SECRET_ACCESS_KEY="$(cat /run/stores/${S3_SECRET_KEY})" && rclone sync ":s3:$BUCKET/$PREFIX" "/backup/audio/$PREFIX"`,
    env: {
      RCLONE_S3_PROVIDER: "Other",
      RCLONE_S3_ENDPOINT: endpoint,
      RCLONE_S3_REGION: region,
      ACCOUNT: accessKey,
      // No file of settings: everything is here.
      RCLONE_CONFIG: "/tmp/rclone.conf",
      BUCKET: bucket,
      PREFIX: prefix,
    },
  };
}

function cronJob(input: RenderInput, name: string, { image, line, env }: Step): Manifest {
  const { config } = input;
  return {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: backupMeta(input, `${CLAIM}-${name}`),
    spec: {
      schedule: config.deploy.kubernetes.backupSchedule,
      concurrencyPolicy: "Forbid",
      startingDeadlineSeconds: 3600,
      successfulJobsHistoryLimit: 1,
      failedJobsHistoryLimit: 3,
      jobTemplate: {
        spec: {
          backoffLimit: 2,
          activeDeadlineSeconds: 21_600,
          template: {
            metadata: { labels: { ...BACKUP_LABELS, "app.kubernetes.io/managed-by": "gigastt" } },
            spec: {
              restartPolicy: "Never",
              automountServiceAccountToken: false,
              enableServiceLinks: false,
              securityContext: POD_SECURITY,
              containers: [
                {
                  name: "backup",
                  image,
                  imagePullPolicy: "IfNotPresent",
                  command: ["sh", "-ec", line],
                  env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
                  securityContext: HARDENED,
                  resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "512Mi" } },
                  volumeMounts: [
                    STORES_MOUNT,
                    { name: "backup", mountPath: "/backup" },
                    { name: "tmp", mountPath: "/tmp" },
                  ],
                },
              ],
              volumes: [
                storesVolume(config),
                { name: "backup", persistentVolumeClaim: { claimName: CLAIM } },
                { name: "tmp", emptyDir: { sizeLimit: "64Mi" } },
              ],
            },
          },
        },
      },
    },
  };
}

function claim(input: RenderInput): Manifest {
  const k8s = input.config.deploy.kubernetes;
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: backupMeta(input, CLAIM),
    spec: {
      accessModes: ["ReadWriteOnce"],
      ...(k8s.storageClass === undefined ? {} : { storageClassName: k8s.storageClass }),
      resources: { requests: { storage: quantity(k8s.backupVolumeBytes) } },
    },
  };
}

function backupMeta(input: RenderInput, name: string): Manifest {
  return { ...meta(input, name), labels: { ...BACKUP_LABELS, "app.kubernetes.io/managed-by": "gigastt" } };
}
