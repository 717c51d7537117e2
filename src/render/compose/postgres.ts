import type { RenderInput } from "../target.ts";
import type { Yaml } from "./service.ts";

/** Name of the user and of the database. */
export const DATABASE = "gigastt";
export const POSTGRES_PORT = 5432;
/** Name of the file with the password. */
export const POSTGRES_PASSWORD = "postgres_password";
/** Its own user in its image: initdb asks for the name. */
export const POSTGRES_UID = 999;

/** Returns what is particular to PostgreSQL's container: how it begins and stops, what it may use, and what follows from that. */
export function postgresService({ config, derived: { postgres } }: RenderInput, passwordFile: string): Yaml {
  const settings = {
    max_connections: CONNECTIONS,
    shared_buffers: `${postgres.sharedBuffersMiB}MB`,
    effective_cache_size: `${postgres.effectiveCacheMiB}MB`,
    work_mem: `${postgres.workMemMiB}MB`,
    maintenance_work_mem: `${postgres.maintenanceMiB}MB`,
    // Jobs end in bursts: fewer checkpoints, spread out.
    max_wal_size: "1GB",
    checkpoint_completion_target: 0.9,
    // Volumes are on solid-state disks today.
    random_page_cost: 1.1,
    password_encryption: "scram-sha-256",
  };
  return {
    image: config.deploy.images.postgres,
    user: `${POSTGRES_UID}:${POSTGRES_UID}`,
    environment: {
      POSTGRES_USER: DATABASE,
      POSTGRES_DB: DATABASE,
      POSTGRES_PASSWORD_FILE: passwordFile,
      // A folder in the volume, which may have a lost+found of its own.
      PGDATA: "/var/lib/postgresql/data/pg",
      POSTGRES_INITDB_ARGS: "--data-checksums --auth=scram-sha-256",
    },
    command: ["postgres", ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
    tmpfs: ["/tmp:mode=1777,size=64m", `/var/run/postgresql:mode=0700,uid=${POSTGRES_UID},gid=${POSTGRES_UID},size=1m`],
    // Parallel queries share memory there.
    shm_size: `${Math.max(64, postgres.sharedBuffersMiB)}m`,
    // Ends sessions and writes a checkpoint; SIGTERM would wait for the sessions.
    stop_signal: "SIGINT",
    stop_grace_period: "60s",
    deploy: { resources: { limits: { cpus: "1", memory: `${postgres.memoryMiB}M`, pids: 256 } } },
  };
}

// ---

/** Four for each replica, twice while one is replaced. */
const CONNECTIONS = 100;
