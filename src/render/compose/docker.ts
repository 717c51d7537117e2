import { directListeners } from "../../config/listeners.ts";
import type { RenderedBody, RenderInput } from "../target.ts";
import { PROBE_PERIOD_S } from "../../config/derived.ts";
import { APP_UID, CONTAINER_ARCHIVE, CONTAINER_JOBS, CONTAINER_STORE } from "../container-config.ts";
import { renderTemplate } from "../text/template-files.ts";

/** Renders the Dockerfile and its ignore file. */
export function renderDocker({ config, derived }: RenderInput, dir: string): readonly RenderedBody[] {
  const { images } = config.deploy;
  const view = {
    nodeBuild: images.nodeBuild,
    nodeRuntime: images.nodeRuntime,
    uid: APP_UID,
    dataDirs: [CONTAINER_STORE, CONTAINER_JOBS, CONTAINER_ARCHIVE].map((dir) => ({ dir })),
    port: config.server.port,
    ports: [config.server, ...directListeners(config)].map(({ port }) => ({ number: port })),
    probeS: PROBE_PERIOD_S,
    loadS: derived.compose.healthStartS,
  };
  return [
    { path: `${dir}/Dockerfile`, body: renderTemplate("docker/Dockerfile", view, "dockerfile"), comment: "#" },
    {
      path: `${dir}/Dockerfile.dockerignore`,
      body: renderTemplate("docker/dockerignore", view, "dockerfile"),
      comment: "#",
    },
  ];
}
