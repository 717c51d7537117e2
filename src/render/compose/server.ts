import { PROBE_PERIOD_S } from "../../config/derived.ts";
import { APP_UID } from "../container-config.ts";
import type { RenderInput } from "../target.ts";
import { LOGGING, type Yaml } from "./service.ts";

/** Returns what the server's container is in every compose file: its rights, limits, stop and health. `ports`: how it is reached. */
export function serverService(
  { config, derived }: RenderInput,
  ports: Yaml,
  { uid = APP_UID, gid = uid, restart = "unless-stopped" }: { uid?: number; gid?: number; restart?: string } = {},
): Yaml {
  const { compose, images } = config.deploy;
  return {
    image: images.app,
    user: `${uid}:${gid}`,
    init: true,
    read_only: true,
    tmpfs: [`/tmp:mode=1777,size=${derived.tmpMiB}m`],
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges:true"],
    ...ports,
    stop_grace_period: `${derived.compose.appStopS}s`,
    stop_signal: "SIGTERM",
    restart,
    healthcheck: {
      test: ["CMD", "node", "-e", healthScript(config.server.port)],
      // Not start_interval: Docker Engine before 25 (Debian 12 has 20.10) refuses the whole project for it.
      interval: `${PROBE_PERIOD_S}s`,
      timeout: "5s",
      retries: 3,
      start_period: `${derived.compose.healthStartS}s`,
    },
    deploy: {
      resources: {
        limits: {
          ...(compose.cpus === undefined ? {} : { cpus: String(compose.cpus) }),
          memory: `${derived.compose.memoryMiB}M`,
          pids: compose.pids,
        },
      },
    },
    logging: LOGGING,
  };
}

// ---

function healthScript(port: number): string {
  return `fetch('http://127.0.0.1:${port}/ready').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))`;
}
