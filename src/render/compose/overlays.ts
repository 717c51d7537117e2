import { LOGGING, type Yaml } from "./service.ts";
import { derive, PROBE_PERIOD_S } from "../../config/derived.ts";
import type { RenderInput } from "../target.ts";

/** Renders the overlay that builds the image from the sources instead of pulling it. */
export function buildOverlay({ config }: RenderInput): Yaml {
  const { images } = config.deploy;
  return {
    services: {
      gigastt: {
        build: {
          // the repository, seen from the folder of this file
          context: "${GIGASTT_SOURCE:?set it to the folder of the gigastt sources}",
          dockerfile: "deploy/Dockerfile",
          args: { NODE_BUILD: images.nodeBuild, NODE_RUNTIME: images.nodeRuntime },
        },
        pull_policy: "build",
      },
    },
  };
}

/** Renders the overlay for a small box: two cores, one worker, two sessions, memory for exactly that. */
export function edgeOverlay({ config }: RenderInput): Yaml {
  const size = Math.min(2, config.pool.size);
  const { memoryMiB } = derive({ ...config, pool: { ...config.pool, size } }).compose;
  return {
    services: {
      gigastt: {
        environment: { GIGASTT_POOL_SIZE: String(size), GIGASTT_ENGINE_WORKERS: "1", GIGASTT_ENGINE_THREADS: "2" },
        deploy: { resources: { limits: { cpus: "2", memory: `${memoryMiB}M`, pids: 128 } } },
      },
    },
  };
}

/** Renders the overlay with a Redis for the store of several servers. */
export function redisOverlay(input: RenderInput): Yaml {
  const { images } = input.config.deploy;
  return {
    services: {
      redis: {
        image: images.redis,
        user: `${REDIS_UID}:${REDIS_UID}`,
        // What is kept there may be lost: nothing is written to a disk.
        command: [
          "redis-server",
          "--save",
          "",
          "--appendonly",
          "no",
          "--maxmemory",
          "128mb",
          "--maxmemory-policy",
          "noeviction",
          // No other container is on this network.
          "--protected-mode",
          "no",
        ],
        read_only: true,
        tmpfs: [`/data:mode=0700,uid=${REDIS_UID},gid=${REDIS_UID},size=16m`],
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
        stop_grace_period: "30s",
        restart: "unless-stopped",
        healthcheck: {
          test: ["CMD", "redis-cli", "ping"],
          interval: `${PROBE_PERIOD_S}s`,
          timeout: "5s",
          retries: 3,
          start_period: "10s",
        },
        deploy: { resources: { limits: { cpus: "1", memory: "256M", pids: 64 } } },
        logging: LOGGING,
        // reachable by the server only: the network has no way out and the proxy is not on it
        networks: ["backend"],
      },
      // joined with the base file's
      gigastt: { networks: ["backend"] },
    },
    networks: { backend: { internal: true } },
  };
}

// ---

const REDIS_UID = 10003;
