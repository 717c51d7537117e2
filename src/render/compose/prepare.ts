import { APP_UID, CONTAINER_MODELS } from "../container-config.ts";
import { bind, LOGGING, type Yaml } from "./service.ts";
import type { RenderInput } from "../target.ts";

/** Returns the init step, which gives volumes and secrets to the users who may read them. */
export function prepareService({ config }: RenderInput): Yaml {
  return {
    image: config.deploy.images.app,
    // The only root in the project: it changes owners, has no network and ends before anything else starts.
    user: "0:0",
    entrypoint: ["node", "/prepare.mjs"],
    command: [],
    read_only: true,
    network_mode: "none",
    cap_drop: ["ALL"],
    cap_add: ["CHOWN", "DAC_OVERRIDE", "FOWNER"],
    security_opt: ["no-new-privileges:true"],
    restart: "no",
    healthcheck: { disable: true },
    deploy: { resources: { limits: { cpus: "1", memory: "128M", pids: 64 } } },
    logging: LOGGING,
  };
}

/** Returns what the init step has to do, and on which volumes. */
export function prepareStep(
  folders: readonly { readonly path: string; readonly uid: number }[],
  volumes: readonly unknown[],
  files: readonly { readonly from: string; readonly to: string; readonly uid: number }[] = [],
): Yaml {
  return {
    environment: { PREPARE_FILES: JSON.stringify(files), PREPARE_FOLDERS: JSON.stringify(folders) },
    volumes,
  };
}

/** The models' volume, as the init step sees it. */
export const MODEL_FOLDER: { readonly path: string; readonly uid: number } = { path: CONTAINER_MODELS, uid: APP_UID };

/** Its program, mounted once. */
export const PREPARE_SCRIPT: Yaml = bind("./prepare.mjs", "/prepare.mjs");
